package org.tfsv.core.model

/**
 * What a graph must be before an interpreter prepares it: interpreters verify the flatbuffer, but
 * die of operators that lack an input.
 */
internal object Graphs {
    private const val LEFT_OUT = -1 // only biases and what else comes third can be
    private const val FIRST_OPTIONAL = 2
    private const val MOST_ENDS = 1L shl 20

    /** The only graph of a model. */
    fun only(model: Table): Table {
        val graphs = model.tables(Schema.MODEL_GRAPHS)
        if (graphs.size != 1) throw Damaged("a model of ${graphs.size} graphs")
        return graphs[0]
    }

    /** Checks what the operators of a model read and write. */
    fun check(bytes: Bytes) {
        val graph = only(Table.root(bytes))
        val tensors = graph.tables(Schema.GRAPH_TENSORS).size
        val operators = graph.tables(Schema.GRAPH_OPERATORS)
        var ends = 0L
        for (index in 0 until operators.size) {
            val operator = operators[index]
            // Many operators may share long vectors, and would be counted for hours.
            ends += operator.length(Schema.OPERATOR_INPUTS)
            ends += operator.length(Schema.OPERATOR_OUTPUTS)
            if (ends > MOST_ENDS) throw Damaged("operators of too many tensors")
            val inputs = operator.numbers(Schema.OPERATOR_INPUTS)
            val outputs = operator.numbers(Schema.OPERATOR_OUTPUTS)
            val needed = inputs.take(FIRST_OPTIONAL) + outputs.asList()
            if (inputs.isEmpty() || outputs.isEmpty() || needed.any { it < 0 }) {
                throw Damaged("an operator that lacks an input or output")
            }
            if (inputs.any { it !in LEFT_OUT until tensors } || outputs.any { it >= tensors }) {
                throw Damaged("an operator of tensors that do not exist")
            }
        }
    }

    private fun Table.length(field: Int): Int =
        (vector(field, Int.SIZE_BYTES)?.size ?: 0) / Int.SIZE_BYTES
}
