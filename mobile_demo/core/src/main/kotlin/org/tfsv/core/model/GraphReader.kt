package org.tfsv.core.model

/**
 * What a file says of its graph; whatever no file of tfsv says is refused.
 *
 * It reads what `tfsv/packed/graph_reader.py` reads, and refuses in the same words.
 */
internal class GraphReader(private val bytes: Bytes) {
    /** An operator: the line of the table, tensors that it reads and writes, and its options. */
    class Step(
        val rule: OperatorTable.Operator,
        val inputs: List<Int>,
        val outputs: List<Int>,
        val options: List<Any>,
    )

    /** A tensor: its shape in the file, its type as a letter, its largest scale, its constant. */
    class Tensor(
        val shape: Shape,
        val letter: Char,
        val scale: Double,
        val constant: Span?,
        val variable: Boolean,
    )

    private class Scales(val count: Int, val axis: Int, val largest: Double)

    private val layouts = Layouts(bytes)
    private val shapes = HashMap<Long, Shape>()
    private val options = HashMap<Pair<Int, Long>, List<Any>>()
    private val scales = HashMap<Long, Scales>()
    private val buffers: List<Span>
    private var operands = 0

    val tensors: List<Tensor>
    val operators: List<Step>
    val inputs: List<Int>
    val outputs: List<Int>

    init {
        val model = layouts.table(0, MODEL)
        if (model.number(0) != SCHEMA) throw Foreign("a schema of another version")
        val graphs = model.tables(2)
        if (graphs.size != 1) throw Foreign("a model of ${graphs.size} graphs")
        buffers = model.tables(4).map { layouts.table(it, BUFFER).vector(0, 1) }
        if (buffers.firstOrNull()?.size != 0) throw Foreign("no empty buffer to begin with")
        checkMetadata(model.tables(6))
        val codes = model.tables(1).map(::code)
        val graph = layouts.table(graphs[0], GRAPH)
        val slots = graph.tables(0)
        tensors = slots.map(::tensor)
        inputs = graph.integers(1)
        outputs = graph.integers(2)
        operators = graph.tables(3).map { step(it, codes) }
        checkSignatures(model.tables(7))
    }

    /** The values of a constant of integers; null for other tensors. */
    fun integers(index: Int): List<Long>? {
        val place = tensors[index].constant ?: return null
        val start = place.start.toLong()
        if (place.size > LONGEST_CONSTANT) throw Foreign("a vector that is too long")
        return when (tensors[index].letter) {
            'i' -> List(place.size / 4) { bytes.i32(start + 4 * it).toLong() }
            's' -> List(place.size / 2) { bytes.u16(start + 2 * it).toShort().toLong() }
            'l' -> List(place.size / 8) { long(start + 8 * it) }
            else -> null
        }
    }

    private fun long(place: Long): Long =
        (bytes.i32(place + Int.SIZE_BYTES).toLong() shl Int.SIZE_BITS) or bytes.u32(place)

    private fun code(slot: Long): OperatorTable.Operator {
        val fields = layouts.table(slot, CODE)
        if (fields.byte(0) > LAST_OLD) throw Foreign("an operator of a negative number")
        val code = maxOf(fields.byte(0), fields.number(3))
        val version = fields.number(2, 1)
        val found = OperatorTable.byCode[code]
            ?: throw Foreign("operator $code, an operator that is not in its table")
        if (version !in found.versions) throw Foreign("${found.name} of version $version")
        return found
    }

    private fun tensor(slot: Long): Tensor {
        val fields = layouts.table(slot, TENSOR)
        val shape = shape(fields, 0)
        if (fields.has(7)) {
            val stated = fields.integers(7).map { it.toLong() }
            val agree = stated.size == shape.size &&
                stated.indices.all { stated[it] == -1L || stated[it] == shape[it] }
            if (!agree) throw Foreign("two shapes of one tensor")
        }
        val plain = LETTERS[fields.byte(1)]
            ?: throw Foreign("a tensor of a type that no file of tfsv has")
        val scales = if (fields.has(4)) scales(fields.slot(4)) else Scales(0, 0, 0.0)
        val letter = scaled(plain, scales, shape)
        val number = fields.number(2)
        if (number !in buffers.indices) {
            throw Damaged("damaged flatbuffer: buffer $number of ${buffers.size}")
        }
        val constant = buffers[number].takeIf { it.size != 0 }
        if (constant != null) {
            val wanted = Operands.product(shape + width(letter))
            if (wanted != constant.size.toLong()) {
                throw Foreign("a constant of another size than its shape")
            }
            if (constant.start % ALIGNMENT != 0) throw Foreign("a constant that is not aligned")
        }
        if (letter == 'h' && constant == null) throw Foreign("float16 that is no constant")
        val variable = fields.byte(5) != 0
        if (variable && constant != null) throw Foreign("a constant that is a variable")
        return Tensor(shape, letter, scales.largest, constant, variable)
    }

    private fun scaled(letter: Char, scales: Scales, shape: Shape): Char {
        if (scales.count == 0) return letter
        if (letter != 'q' && letter != 'i') throw Foreign("scales of a tensor without codes")
        if (scales.count > 1 && shape.getOrNull(scales.axis) != scales.count.toLong()) {
            throw Foreign("scales that do not fit their tensor")
        }
        return if (letter == 'i') 'i' else if (scales.count == 1) 'Q' else 'K'
    }

    private fun shape(fields: Layouts.Fields, field: Int): Shape {
        if (!fields.has(field)) return emptyList()
        return shapes.getOrPut(layouts.followed(fields.slot(field))) {
            val found = fields.integers(field).map { it.toLong() }
            if (found.size > Operands.HIGHEST_RANK) throw Foreign("a tensor of ${found.size} axes")
            if (found.any { it !in 1 until Operands.LARGEST_SIDE }) {
                throw Foreign("a tensor of an impossible shape")
            }
            found
        }
    }

    private fun scales(slot: Long): Scales {
        val fields = layouts.table(slot, QUANTIZATION)
        return scales.getOrPut(fields.place) { read(fields) }
    }

    private fun read(fields: Layouts.Fields): Scales {
        val span = fields.vector(2, Int.SIZE_BYTES)
        val zeros = fields.vector(3, Long.SIZE_BYTES)
        val count = span.size / Int.SIZE_BYTES
        if (count == 0) {
            if (zeros.size != 0) throw Foreign("zero points without scales")
            return Scales(0, 0, 0.0)
        }
        val words = List(count) { bytes.i32(span.start + Int.SIZE_BYTES * it.toLong()) }
        if (words.any { it !in 1 until INFINITE }) {
            throw Foreign("scales that are not positive and finite")
        }
        val axis = fields.number(6)
        if (zeros.size != Long.SIZE_BYTES * count || axis < 0) {
            throw Foreign("scales that do not fit their zero points")
        }
        val points = List(count) { long(zeros.start + Long.SIZE_BYTES * it.toLong()) }
        if (count == 1) {
            if (points[0] !in Byte.MIN_VALUE..Byte.MAX_VALUE) {
                throw Foreign("a zero point out of range")
            }
        } else if (points.any { it != 0L }) {
            throw Foreign("zero points of a kernel")
        }
        return Scales(count, axis, java.lang.Float.intBitsToFloat(words.max()).toDouble())
    }

    private fun step(slot: Long, codes: List<OperatorTable.Operator>): Step {
        val fields = layouts.table(slot, OPERATOR)
        val rule = codes.getOrNull(fields.number(0))
            ?: throw Damaged("damaged flatbuffer: an operator without code")
        val kind = fields.byte(3)
        if (kind !in rule.options || fields.has(4) != (kind != 0)) {
            throw Foreign("${rule.name} with other options")
        }
        if (fields.integers(8).isNotEmpty()) {
            throw Foreign("${rule.name} with intermediate tensors")
        }
        val found = if (kind == 0) {
            emptyList()
        } else {
            options.getOrPut(kind to layouts.followed(fields.slot(4))) {
                options(fields.slot(4), kind, rule)
            }
        }
        val step = Step(rule, fields.integers(1), fields.integers(2), found)
        operands += step.inputs.size + step.outputs.size
        if (operands > MOST_OPERANDS) throw Foreign("operators of too many tensors")
        return step
    }

    private fun options(slot: Long, kind: Int, rule: OperatorTable.Operator): List<Any> {
        val wanted = OperatorTable.fields.getValue(kind)
        val held = layouts.table(slot, wanted.joinToString("") { it.width.toString() })
        return wanted.mapIndexed { number, field ->
            if (field.width == 'v') return@mapIndexed held.integers(number).map { it.toLong() }
            val value = when {
                !held.has(number) -> field.default
                field.width == 'b' -> held.byte(number).toDouble()
                field.width == 'i' -> held.number(number).toDouble()
                else -> java.lang.Float.intBitsToFloat(held.number(number)).toDouble()
            }
            if (!(value >= field.lowest && value <= field.highest)) {
                throw Foreign("${rule.name} with an option out of range")
            }
            if (field.width == 'f') value else value.toLong()
        }
    }

    private fun text(fields: Layouts.Fields, field: Int): String {
        val span = fields.vector(field, 1)
        return String(CharArray(span.size) { (bytes[span.start + it].toInt() and 0xFF).toChar() })
    }

    private fun checkMetadata(slots: List<Long>) {
        val names = HashSet<String>()
        for (slot in slots) {
            val fields = layouts.table(slot, NAMED)
            val name = text(fields, 0)
            if (name !in METADATA) throw Foreign("a metadata entry that no file of tfsv has")
            if (!names.add(name)) throw Foreign("a metadata entry that repeats")
            val number = fields.number(1)
            if (number !in 1 until buffers.size) {
                throw Damaged("damaged flatbuffer: metadata without a buffer")
            }
            if (name == METADATA[0] && buffers[number].size !in 1..LONGEST_VERSION) {
                throw Foreign("a runtime's version that is none")
            }
        }
    }

    private fun checkSignatures(slots: List<Long>) {
        if (slots.size > 1) throw Foreign("${slots.size} signatures")
        for (slot in slots) {
            val fields = layouts.table(slot, SIGNATURE)
            if (fields.vector(2, 1).size == 0 || fields.number(4) != 0) {
                throw Foreign("a signature of another graph")
            }
            for ((field, wanted) in listOf(0 to inputs, 1 to outputs)) {
                val entries = fields.tables(field).map { layouts.table(it, NAMED) }
                if (entries.size != wanted.size) {
                    throw Foreign("a signature of other inputs or outputs")
                }
                if (entries.any { it.vector(0, 1).size == 0 }) {
                    throw Foreign("an input or output without a name")
                }
                if (entries.map { it.number(1) }.sorted() != wanted.sorted()) {
                    throw Foreign("a signature of other inputs or outputs")
                }
            }
        }
    }

    companion object {
        private const val SCHEMA = 3
        private const val LAST_OLD = 127
        private const val LONGEST_VERSION = 64
        private const val LONGEST_CONSTANT = 1 shl 20
        private const val MOST_OPERANDS = 1 shl 20
        private const val INFINITE = 0x7F800000
        private const val ALIGNMENT = 16
        private const val MODEL = "iooooxoox"
        private const val CODE = "bxiix"
        private const val GRAPH = "ooooox"
        private const val TENSOR = "obioobxobx"
        private const val QUANTIZATION = "xxooxxi"
        private const val OPERATOR = "ioobo" + "xxx" + "o" + "xxxxxx"
        private const val BUFFER = "oxx"
        private const val NAMED = "oi"
        private const val SIGNATURE = "oooxi"
        private val LETTERS = mapOf(
            0 to 'f', 1 to 'h', 2 to 'i', 3 to 'u', 4 to 'l', 6 to 'b', 7 to 's', 8 to 'c',
            9 to 'q',
        )
        private val METADATA = listOf(
            "min_runtime_version",
            Metadata.CARD,
            Metadata.COHORT,
            Metadata.RECORD,
            Metadata.CHECKSUM,
        )

        /** Bytes of an element of a type. */
        fun width(letter: Char): Long = when (letter) {
            'f', 'i' -> 4
            'l', 'c' -> 8
            'h', 's' -> 2
            else -> 1
        }
    }
}
