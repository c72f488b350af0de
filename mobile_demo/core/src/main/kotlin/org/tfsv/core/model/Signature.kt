package org.tfsv.core.model

/**
 * Names and shapes of what a model takes and gives, read from a file of any origin.
 *
 * They are those of the file's only signature, as `tfsv/packed/signature.py` reads them.
 */
internal object Signature {
    /** Stands for an axis of any length. */
    const val ANY = -1

    private const val MOST = 1 shl 10
    private const val LONGEST_NAME = 100
    private const val HIGHEST_RANK = 8
    private const val FLOAT32 = 0

    /** What a model takes: shapes by name. */
    fun inputs(bytes: Bytes): Map<String, List<Int>> = named(bytes, Schema.SIGNATURE_INPUTS)

    /** What a model gives: shapes by name. */
    fun outputs(bytes: Bytes): Map<String, List<Int>> = named(bytes, Schema.SIGNATURE_OUTPUTS)

    private fun named(bytes: Bytes, field: Int): Map<String, List<Int>> {
        val model = Table.root(bytes)
        val tensors = Graphs.only(model).tables(Schema.GRAPH_TENSORS)
        val signatures = model.tables(Schema.MODEL_SIGNATURES)
        if (signatures.size != 1) throw Damaged("a model of ${signatures.size} signatures")
        val entries = signatures[0].tables(field)
        if (entries.size > MOST) throw Damaged("a signature of ${entries.size} names")
        val shapes = (0 until entries.size).associate { number ->
            val entry = entries[number]
            name(bytes, entry) to shape(tensors[entry.number(Schema.ENTRY_TENSOR)])
        }
        if (shapes.size < entries.size) throw Damaged("a signature of names that repeat")
        return shapes
    }

    private fun name(bytes: Bytes, entry: Table): String {
        val span = entry.vector(Schema.ENTRY_NAME) ?: Span.EMPTY
        if (span.size !in 1..LONGEST_NAME) throw Damaged("an input or output without a name")
        return String(CharArray(span.size) { (bytes[span.start + it].toInt() and 0xFF).toChar() })
    }

    private fun shape(tensor: Table): List<Int> {
        if (tensor.byte(Schema.TENSOR_TYPE) != FLOAT32) {
            throw Damaged("an input or output that is not float32")
        }
        val stated = sides(tensor, Schema.TENSOR_SHAPE_SIGNATURE)
        return stated.ifEmpty { sides(tensor, Schema.TENSOR_SHAPE) }
    }

    private fun sides(tensor: Table, field: Int): List<Int> {
        val span = tensor.vector(field, Int.SIZE_BYTES) ?: Span.EMPTY
        if (span.size > Int.SIZE_BYTES * HIGHEST_RANK) throw Damaged("a tensor of too many axes")
        return tensor.numbers(field).asList()
    }
}
