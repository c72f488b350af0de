package org.tfsv.core.model

import org.tfsv.core.model.Operands.Companion.BROADCAST_RANK
import org.tfsv.core.model.Operands.Companion.HIGHEST_RANK
import org.tfsv.core.model.Operands.Companion.LARGEST_SIDE
import org.tfsv.core.model.Operands.Companion.axis
import org.tfsv.core.model.Operands.Companion.product
import org.tfsv.core.model.Operands.Companion.rank

/**
 * The shapes of what an operator gives, from the shapes of what it takes and its options: numbers
 * as Long or Double, vectors as lists of Long. The rules are those of
 * `tfsv/packed/output_shapes.py`, and refuse what they refuse in the same words.
 */
internal object OutputShapes {
    private const val LARGEST_FFT = 1L shl 16

    /** What comes out of an operator whose line of the table names this rule. */
    fun of(rule: String, given: Operands, options: List<Any>): List<Shape> = when (rule) {
        "convolution" -> LayerShapes.convolution(given, options)
        "depthwise" -> LayerShapes.depthwise(given, options)
        "dense" -> LayerShapes.dense(given, options)
        "pool" -> LayerShapes.pool(given, options)
        "matrices" -> LayerShapes.matrices(given, options)
        "lstm" -> LayerShapes.lstm(given, options)
        "split" -> split(given, options)
        "unpack" -> unpack(given, options)
        else -> listOf(single(rule, given, options))
    }

    private fun single(rule: String, given: Operands, options: List<Any>): Shape = when (rule) {
        "same" -> given.shape(0)
        "last" -> given.shape(0).also { rank(it, 1, BROADCAST_RANK) }
        "broadcast" -> given.shapes.indices.map(given::shape).reduce(::broadcast)
            .also { rank(it, 0, BROADCAST_RANK) }
        "concatenation" -> concatenation(given, options)
        "pack" -> pack(given, options)
        "reshape" -> reshape(given)
        "pad" -> pad(given)
        "gather" -> gather(given, options)
        "transpose" -> transpose(given)
        "reduce" -> reduce(given, options)
        "squeeze" -> squeeze(given, options)
        "strided" -> strided(given, options)
        "slice" -> slice(given)
        "tile" -> tile(given)
        "broadcast_to" -> broadcastTo(given)
        "expand" -> expand(given)
        "shape" -> listOf(given.shape(0).size.toLong())
        "fill" -> fill(given)
        "range" -> range(given)
        "cumsum" -> cumsum(given)
        "rfft" -> rfft(given)
        else -> error("no rule $rule")
    }

    private fun broadcast(first: Shape, second: Shape): Shape {
        val size = maxOf(first.size, second.size)
        if (size > BROADCAST_RANK) throw Foreign("a tensor of $size axes")
        return List(size) {
            val a = first.getOrElse(first.size - size + it) { 1 }
            val b = second.getOrElse(second.size - size + it) { 1 }
            if (a != b && a != 1L && b != 1L) throw misfit()
            if (b == 1L) a else b
        }
    }

    private fun concatenation(given: Operands, options: List<Any>): Shape {
        val first = given.shape(0)
        rank(first, 1, BROADCAST_RANK)
        val axis = axis(options[0] as Long, first.size)
        val all = given.shapes.indices.map(given::shape)
        for (shape in all) {
            if (shape.size != first.size || shape.without(axis) != first.without(axis)) {
                throw misfit()
            }
        }
        return first.with(axis, all.sumOf { it[axis] })
    }

    private fun reshape(given: Operands): Shape {
        rank(given.shape(1), 1, 1)
        val wanted = given.known(1)
        val count = product(given.shape(0))
        val rest = if (wanted.any { it < -1 }) 0 else product(wanted.filter { it != -1L })
        val open = wanted.count { it == -1L }
        if (open > 1 || wanted.size > HIGHEST_RANK || wanted.any { it < -1 }) {
            throw Foreign("an impossible shape")
        }
        val whole = if (open == 1) rest != 0L && count % rest == 0L else rest == count
        if (!whole) throw Foreign("a shape of another size")
        return wanted.map { if (it == -1L) count / rest else it }
    }

    private fun pad(given: Operands): Shape {
        val image = given.shape(0)
        rank(image, 1, BROADCAST_RANK)
        val scalar = given.shapes.size < 3 || given.shape(2).isEmpty()
        if (given.shape(1) != listOf(image.size.toLong(), 2L) || !scalar) {
            throw Foreign("margins of another rank")
        }
        val margins = given.known(1)
        if (margins.any { it !in 0 until LARGEST_SIDE }) throw Foreign("margins out of range")
        return image.mapIndexed { i, side -> side + margins[2 * i] + margins[2 * i + 1] }
    }

    private fun gather(given: Operands, options: List<Any>): Shape {
        val table = given.shape(0)
        val index = given.shape(1)
        rank(table, 1, HIGHEST_RANK)
        val axis = if (options.isEmpty()) 0 else axis(options[0] as Long, table.size)
        val batch = if (options.isEmpty()) 0 else (options[1] as Long).toInt()
        if (batch > axis || batch > index.size || table.take(batch) != index.take(batch)) {
            throw Foreign("indices that do not fit their table")
        }
        val values = given.perhaps(1)
        if (values != null && values.any { it !in 0 until table[axis] }) {
            throw Foreign("indices outside of their table")
        }
        return table.take(axis) + index.drop(batch) + table.drop(axis + 1)
    }

    private fun transpose(given: Operands): Shape {
        val image = given.shape(0)
        val order = given.known(1)
        rank(image, 1, HIGHEST_RANK)
        val sorted = order.sorted() == image.indices.map { it.toLong() }
        if (given.shape(1) != listOf(image.size.toLong()) || !sorted) {
            throw Foreign("an order that is none")
        }
        return order.map { image[it.toInt()] }
    }

    private fun reduce(given: Operands, options: List<Any>): Shape {
        val image = given.shape(0)
        rank(image, 1, BROADCAST_RANK)
        rank(given.shape(1), 0, 1)
        val named = given.known(1)
        val axes = named.map { axis(it, image.size) }.toSet()
        if (axes.size < named.size) throw Foreign("axes that repeat")
        if (options[0] != 0L) return image.mapIndexed { i, side -> if (i in axes) 1 else side }
        return image.filterIndexed { i, _ -> i !in axes }
    }

    private fun squeeze(given: Operands, options: List<Any>): Shape {
        val image = given.shape(0)
        val axes = vector(options[0]).map { axis(it, image.size) }.toSet()
        if (axes.isEmpty() || axes.any { image[it] != 1L }) {
            throw Foreign("axes to drop that are not there")
        }
        return image.filterIndexed { i, _ -> i !in axes }
    }

    private fun strided(given: Operands, options: List<Any>): Shape {
        val image = given.shape(0)
        rank(image, 1, HIGHEST_RANK)
        val bounds = (1..3).map(given::shape)
        if (bounds.any { it != listOf(image.size.toLong()) }) {
            throw Foreign("bounds of another rank")
        }
        val (begins, ends, strides) = (1..3).map(given::known)
        fun masked(option: Int, axis: Int) = ((options[option] as Long) shr axis) and 1L == 1L
        return image.indices.mapNotNull { axis ->
            val side = image[axis]
            if (strides[axis] !in 1 until LARGEST_SIDE) throw Foreign("steps out of range")
            val begin = if (masked(0, axis)) 0 else begins[axis]
            if (masked(4, axis)) {
                if (begin !in -side until side || strides[axis] != 1L) {
                    throw Foreign("indices outside of their table")
                }
                null
            } else {
                val end = if (masked(1, axis)) side else clipped(ends[axis], side)
                Math.floorDiv(end - clipped(begin, side) + strides[axis] - 1, strides[axis])
            }
        }
    }

    /** A place along an axis, counted from its end where it is negative. */
    fun clipped(place: Long, side: Long): Long =
        (if (place < 0) place + side else place).coerceIn(0, side)

    private fun slice(given: Operands): Shape {
        val image = given.shape(0)
        val begins = given.known(1)
        val sizes = given.known(2)
        rank(image, 1, HIGHEST_RANK)
        val wanted = listOf(image.size.toLong())
        if (given.shape(1) != wanted || given.shape(2) != wanted) {
            throw Foreign("bounds of another rank")
        }
        return image.mapIndexed { i, side ->
            val kept = if (sizes[i] == -1L) side - begins[i] else sizes[i]
            if (begins[i] !in 0 until side || kept !in 1..side - begins[i]) {
                throw Foreign("bounds outside of their table")
            }
            kept
        }
    }

    private fun split(given: Operands, options: List<Any>): List<Shape> {
        val axis = given.known(0)
        val image = given.shape(1)
        rank(image, 1, BROADCAST_RANK)
        val parts = options[0] as Long
        if (axis.size != 1 || given.outputs.toLong() != parts) throw misparted()
        val place = axis(axis[0], image.size)
        if (image[place] % parts != 0L) throw misparted()
        return List(given.outputs) { image.with(place, image[place] / parts) }
    }

    private fun pack(given: Operands, options: List<Any>): Shape {
        val first = given.shape(0)
        rank(first, 0, BROADCAST_RANK - 1)
        val parts = options[0] as Long
        val even = given.shapes.all { it == first }
        if (parts != given.shapes.size.toLong() || !even) throw misparted()
        val axis = axis(options[1] as Long, first.size + 1)
        return first.take(axis) + parts + first.drop(axis)
    }

    private fun unpack(given: Operands, options: List<Any>): List<Shape> {
        val image = given.shape(0)
        rank(image, 1, HIGHEST_RANK)
        val parts = options[0] as Long
        val even = given.outputs.toLong() == parts && parts == image[0]
        if (given.shapes.size != 1 || !even) throw misparted()
        return List(given.outputs) { image.drop(1) }
    }

    private fun tile(given: Operands): Shape {
        val image = given.shape(0)
        val times = given.known(1)
        rank(image, 1, BROADCAST_RANK)
        val sized = given.shape(1) == listOf(image.size.toLong())
        if (!sized || times.any { it !in 1 until LARGEST_SIDE }) {
            throw Foreign("repetitions out of range")
        }
        return image.mapIndexed { i, side -> side * times[i] }
    }

    private fun broadcastTo(given: Operands): Shape {
        val wanted = given.known(1)
        rank(given.shape(1), 1, 1)
        if (wanted.any { it !in 1 until LARGEST_SIDE }) throw Foreign("an impossible shape")
        if (broadcast(given.shape(0), wanted) != wanted) throw misfit()
        return wanted
    }

    private fun expand(given: Operands): Shape {
        val image = given.shape(0)
        val axis = given.known(1)
        if (axis.size != 1) throw Foreign("an axis that is none")
        val place = axis(axis[0], image.size + 1)
        return image.take(place) + 1L + image.drop(place)
    }

    private fun fill(given: Operands): Shape {
        rank(given.shape(0), 1, 1)
        rank(given.shape(1), 0, 0)
        val wanted = given.known(0)
        if (wanted.any { it !in 1 until LARGEST_SIDE }) throw Foreign("an impossible shape")
        return wanted
    }

    private fun range(given: Operands): Shape {
        if (given.shapes.indices.any { given.shape(it).isNotEmpty() }) {
            throw Foreign("bounds of another rank")
        }
        val (start, limit, step) = (0..2).map { given.known(it).single() }
        if (step !in 1 until LARGEST_SIDE) throw Foreign("steps out of range")
        return listOf(Math.floorDiv(limit - start + step - 1, step))
    }

    private fun cumsum(given: Operands): Shape {
        val image = given.shape(0)
        val axis = given.known(1)
        rank(image, 1, BROADCAST_RANK)
        rank(given.shape(1), 0, 0)
        axis(axis[0], image.size)
        return image
    }

    private fun rfft(given: Operands): Shape {
        val image = given.shape(0)
        val lengths = given.known(1)
        rank(image, 2, BROADCAST_RANK)
        if (given.shape(1) != listOf(2L) || image.takeLast(2) != lengths) {
            throw Foreign("lengths that do not fit")
        }
        if (lengths.any { it !in 1..LARGEST_FFT || it and (it - 1) != 0L }) {
            throw Foreign("lengths out of range")
        }
        given.scratch = 16 * product(lengths)
        return image.dropLast(1) + (lengths[1] / 2 + 1)
    }

    private fun vector(option: Any): List<Long> =
        (option as? List<*>).orEmpty().filterIsInstance<Long>()

    private fun misfit() = Foreign("shapes that do not fit each other")

    private fun misparted() = Foreign("parts that do not fit")

    private fun Shape.without(axis: Int): Shape = filterIndexed { i, _ -> i != axis }

    private fun Shape.with(axis: Int, side: Long): Shape =
        mapIndexed { i, old -> if (i == axis) side else old }
}
