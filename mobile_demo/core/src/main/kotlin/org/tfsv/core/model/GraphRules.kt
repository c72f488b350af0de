package org.tfsv.core.model

/**
 * What a graph must be before an interpreter gets it: one that the exporter of tfsv could have
 * written.
 *
 * LiteRT refuses most graphs that make no sense; of others it dies, or takes all memory. The rules
 * are those of `tfsv/packed/graph_rules.py`, and refuse in the same words.
 */
internal class GraphRules private constructor(private val graph: GraphReader) {
    private val tensors = graph.tensors
    private val shapes: MutableList<Shape?> =
        tensors.map { if (it.constant == null) null else it.shape }.toMutableList()
    private val sizes = LongArray(tensors.size)
    private val known = HashMap<Int, List<Long>>()
    private var work = 0L

    init {
        if (graph.inputs.isEmpty() || graph.outputs.isEmpty() || graph.operators.isEmpty()) {
            throw Foreign("a graph without inputs, outputs or operators")
        }
        if ((graph.inputs + graph.outputs).any { it !in tensors.indices }) {
            throw Foreign("inputs or outputs that do not exist")
        }
        for (index in graph.inputs) {
            if (shapes[index] != null || tensors[index].variable) {
                throw Foreign("an input that is something else too")
            }
            shapes[index] = tensors[index].shape
        }
        if (graph.outputs.toSet().size < graph.outputs.size) throw Foreign("outputs that repeat")
    }

    private fun run() {
        val last = HashMap<Int, Int>()
        for ((number, step) in graph.operators.withIndex()) {
            for (index in step.inputs) last[index] = number
        }
        for (index in graph.outputs) last[index] = graph.operators.size
        var memory = 0L
        for (index in graph.inputs) {
            sizes[index] = size(index, tensors[index].shape)
            memory += sizes[index]
        }
        for ((number, step) in graph.operators.withIndex()) {
            try {
                memory += step(step, memory)
            } catch (foreign: Foreign) {
                throw Foreign("operator $number, ${step.rule.name}: ${foreign.message}")
            }
            for (index in (step.inputs + step.outputs).toSet()) {
                if (index >= 0 && (last[index] ?: number) <= number) {
                    memory -= sizes[index]
                    sizes[index] = 0
                }
            }
        }
        if (graph.outputs.any { shapes[it] == null }) throw Foreign("an output that nothing writes")
    }

    private fun size(index: Int, shape: Shape): Long =
        Operands.product(shape + GraphReader.width(tensors[index].letter))

    /** Bytes of what an operator writes. */
    private fun step(step: GraphReader.Step, memory: Long): Long {
        checkTypes(step)
        val taken = step.inputs.map { if (it < 0) null else shapes[it] }.toMutableList()
        checkRead(step, taken)
        val given = Operands(taken, step.outputs.size) { values(step.inputs[it]) }
        val found = OutputShapes.of(step.rule.rule, given, step.options)
        if (found.size != step.outputs.size) throw Foreign("other outputs")
        var written = 0L
        for ((index, shape) in step.outputs.zip(found)) {
            if (shapes[index] != null || tensors[index].variable) {
                throw Foreign("writes what is written already")
            }
            val stated = tensors[index].shape
            if (stated.size != shape.size) throw Foreign("a result of another rank")
            if (shape.any { it < 1 }) throw Foreign("nothing to compute")
            if (shape.indices.any { shape[it] != stated[it] && stated[it] != 1L }) {
                throw Foreign("a result of another shape")
            }
            shapes[index] = shape
            sizes[index] = size(index, shape)
            written = minOf(written + sizes[index], TOO_MUCH)
        }
        work += minOf(given.work, TOO_MUCH) + WORK_OF_A_BYTE * written
        if (memory + written + minOf(given.scratch, TOO_MUCH) > LARGEST_MEMORY) {
            throw Foreign("more memory than any network of tfsv")
        }
        if (work > LARGEST_WORK) throw Foreign("more work than any network of tfsv")
        checkScales(step)
        val first = step.outputs[0]
        val counted = tensors[first].letter == 'i' || tensors[first].letter == 'l'
        if (counted && Operands.product(found[0]) <= MOST_KNOWN) follow(step, taken)
        return written
    }

    private fun checkTypes(step: GraphReader.Step) {
        if (step.inputs.isEmpty() || step.outputs.isEmpty()) {
            throw Foreign("lacks an input or output")
        }
        val all = step.inputs + step.outputs
        if (all.any { it >= tensors.size || it < -1 } || step.outputs.any { it < 0 }) {
            throw Foreign("reads or writes tensors that do not exist")
        }
        val taken = step.inputs.map { if (it < 0) '-' else tensors[it].letter }.joinToString("")
        val written = step.outputs.map { tensors[it].letter }.joinToString("")
        val types = "$taken>$written"
        val many = listOf("${starred(taken)}>$written", "$taken>${starred(written)}")
        if (types !in step.rule.types && many.none { it in step.rule.types }) {
            throw Foreign("${types.take(SHOWN)}, types that it does not have")
        }
    }

    private fun starred(letters: String): String =
        if (letters.all { it == letters[0] }) "${letters[0]}*" else letters

    /** Checks that inputs are there, and that a variable is a state of one LSTM. */
    private fun checkRead(step: GraphReader.Step, taken: MutableList<Shape?>) {
        for ((place, index) in step.inputs.withIndex()) {
            if (index < 0) continue
            val state = step.rule.rule == "lstm" && place in STATES
            if (state != tensors[index].variable) throw Foreign("reads a variable, or lacks one")
            if (state) {
                if (shapes[index] != null) throw Foreign("reads a variable of another operator")
                shapes[index] = tensors[index].shape
                taken[place] = tensors[index].shape
            } else if (taken[place] == null) {
                throw Foreign("reads what no operator before it writes")
            }
        }
    }

    private fun checkScales(step: GraphReader.Step) {
        val result = step.outputs.minOf { tensors[it].scale }
        if (result == 0.0 || step.rule.rule == "reshape") return
        val taken = step.inputs.take(2).filter { it >= 0 }.map { tensors[it].scale }
            .filter { it != 0.0 }
        val product = if (step.rule.name in PRODUCTS) {
            taken.fold(1.0) { product, scale -> product * scale }
        } else {
            taken.maxOrNull() ?: 0.0
        }
        if (product > LARGEST_RATIO * result) throw Foreign("scales that do not fit each other")
    }

    private fun values(index: Int): List<Long>? =
        if (index < 0) null else known[index] ?: graph.integers(index)

    /** Keeps the integers that an operator computes from known ones, such as lengths. */
    private fun follow(step: GraphReader.Step, taken: List<Shape?>) {
        val name = step.rule.name
        val shape = taken[0] ?: return
        val found = when {
            name == "SHAPE" -> shape
            name == "STRIDED_SLICE" -> strided(step, shape)
            name in KEPT -> values(step.inputs[0])
            name in ARITHMETIC -> computed(step, taken)
            else -> null
        } ?: return
        if (found.any { it < Int.MIN_VALUE || it > Int.MAX_VALUE }) {
            throw Foreign("sizes out of range")
        }
        known[step.outputs[0]] = found
    }

    private fun strided(step: GraphReader.Step, shape: Shape): List<Long>? {
        val all = values(step.inputs[0])
        if (all == null || shape.size != 1) return null
        val (first, last, stride) = step.inputs.drop(1).map { values(it)?.single() ?: return null }
        val size = all.size.toLong()
        val begin = OutputShapes.clipped(if (step.options[0] != 0L) 0 else first, size)
        if (step.options[SHRINK] != 0L) return listOf(all[begin.toInt()])
        val end = if (step.options[1] != 0L) size else OutputShapes.clipped(last, size)
        return (begin until end step stride).map { all[it.toInt()] }
    }

    private fun computed(step: GraphReader.Step, taken: List<Shape?>): List<Long>? {
        val first = values(step.inputs[0]) ?: return null
        val second = values(step.inputs[1]) ?: return null
        val size = maxOf(first.size, second.size)
        val flat = taken.all { it != null && it.size <= 1 }
        if (!flat || (first.size != size && first.size != 1)) return null
        if (second.size != size && second.size != 1) return null
        return List(size) {
            val a = first[if (first.size == 1) 0 else it]
            val b = second[if (second.size == 1) 0 else it]
            when (step.rule.name) {
                "ADD" -> a + b
                "SUB" -> a - b
                "MUL" -> a * b
                "MAXIMUM" -> maxOf(a, b)
                "MINIMUM" -> minOf(a, b)
                "FLOOR_DIV" -> Math.floorDiv(a, divisor(b))
                else -> Math.floorMod(a, divisor(b))
            }
        }
    }

    private fun divisor(number: Long): Long =
        if (number == 0L) throw Foreign("a division by zero") else number

    companion object {
        private const val LARGEST_MEMORY = 1L shl 29
        private const val LARGEST_WORK = 1L shl 38
        private const val TOO_MUCH = 1L shl 40
        private const val WORK_OF_A_BYTE = 16L
        private const val LARGEST_RATIO = 65536.0
        private const val MOST_KNOWN = 16L
        private const val SHOWN = 40
        private const val SHRINK = 4
        private val STATES = 18..19
        private val PRODUCTS = setOf("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "MUL")
        private val KEPT = setOf("CAST", "EXPAND_DIMS", "RESHAPE")
        private val ARITHMETIC =
            setOf("ADD", "SUB", "MUL", "FLOOR_DIV", "FLOOR_MOD", "MAXIMUM", "MINIMUM")

        /** Checks that a model's graph is one that tfsv could have written. */
        fun check(bytes: Bytes) {
            try {
                GraphRules(GraphReader(bytes)).run()
            } catch (foreign: Foreign) {
                val reason = foreign.message
                throw Unsuitable("is a TFLite file, but tfsv did not make it ($reason)")
            }
        }
    }
}
