package org.tfsv.core.model

import org.tfsv.core.model.Operands.Companion.BROADCAST_RANK
import org.tfsv.core.model.Operands.Companion.product
import org.tfsv.core.model.Operands.Companion.rank

/** Rules of [OutputShapes] for layers with windows, kernels or states. */
internal object LayerShapes {
    private const val IMAGE_RANK = 4
    private const val SEQUENCE_RANK = 3
    private const val FLOAT_BYTES = 4L
    private const val GATES = 4L

    fun convolution(given: Operands, options: List<Any>): List<Shape> {
        val (image, kernel, bias) = layer(given)
        rank(image, IMAGE_RANK, IMAGE_RANK)
        rank(kernel, IMAGE_RANK, IMAGE_RANK)
        val (channels, rows, columns, depth) = kernel
        val groups = image[3] / depth
        if (image[3] % depth != 0L || channels % groups != 0L || !fits(bias, channels)) {
            throw Foreign("a kernel that does not fit")
        }
        val (padding, strideW, strideH) = options.map(::whole)
        val height = window(image[1], rows, strideH, whole(options[5]), padding)
        val width = window(image[2], columns, strideW, whole(options[4]), padding)
        given.work = product(image[0], height, width, product(kernel))
        if (rows * columns > 1 || strideW * strideH > 1) {
            given.scratch = product(FLOAT_BYTES, image[0], height, width, rows, columns, image[3])
        }
        return listOf(listOf(image[0], height, width, channels))
    }

    fun depthwise(given: Operands, options: List<Any>): List<Shape> {
        val (image, kernel, bias) = layer(given)
        rank(image, IMAGE_RANK, IMAGE_RANK)
        rank(kernel, IMAGE_RANK, IMAGE_RANK)
        val (one, rows, columns, channels) = kernel
        val (padding, strideW, strideH, multiplier) = options.map(::whole)
        if (one != 1L || channels != image[3] * multiplier || !fits(bias, channels)) {
            throw Foreign("a kernel that does not fit")
        }
        val height = window(image[1], rows, strideH, whole(options[6]), padding)
        val width = window(image[2], columns, strideW, whole(options[5]), padding)
        given.work = product(image[0], height, width, product(kernel))
        return listOf(listOf(image[0], height, width, channels))
    }

    fun dense(given: Operands, options: List<Any>): List<Shape> {
        val (values, kernel, bias) = layer(given)
        rank(values, 1, BROADCAST_RANK)
        rank(kernel, 2, 2)
        if (values.last() != kernel[1] || !fits(bias, kernel[0])) {
            throw Foreign("a kernel that does not fit")
        }
        val rows = product(values.dropLast(1))
        given.work = product(rows, product(kernel))
        val kept = if (whole(options[2]) != 0L) values.dropLast(1) else listOf(rows)
        return listOf(kept + kernel[0])
    }

    /** Products of matrices, each of which may be transposed first. */
    fun matrices(given: Operands, options: List<Any>): List<Shape> {
        val first = given.shape(0)
        val second = given.shape(1)
        rank(first, 2, BROADCAST_RANK)
        rank(second, first.size, first.size)
        val (rows, inner) = matrix(first, options[0])
        val (other, columns) = matrix(second, options[1])
        if (inner != other || first.dropLast(2) != second.dropLast(2)) {
            throw Foreign("matrices that do not fit each other")
        }
        given.work = product(product(first), columns)
        given.scratch = product(FLOAT_BYTES, product(first) + product(second))
        return listOf(first.dropLast(2) + listOf(rows, columns))
    }

    private fun matrix(shape: Shape, transposed: Any): Shape =
        shape.takeLast(2).let { if (whole(transposed) != 0L) it.reversed() else it }

    fun pool(given: Operands, options: List<Any>): List<Shape> {
        val image = given.shape(0)
        rank(image, IMAGE_RANK, IMAGE_RANK)
        val (padding, strideW, strideH, columns, rows) = options.map(::whole)
        val height = window(image[1], rows, strideH, 1, padding)
        val width = window(image[2], columns, strideW, 1, padding)
        given.work = product(image[0], height, width, image[3], rows, columns)
        return listOf(listOf(image[0], height, width, image[3]))
    }

    /** A sequence LSTM without peepholes and projection; its states are inputs 18 and 19. */
    @Suppress("UNUSED_PARAMETER")
    fun lstm(given: Operands, options: List<Any>): List<Shape> {
        val sequence = given.shape(0)
        rank(sequence, SEQUENCE_RANK, SEQUENCE_RANK)
        val (batch, steps, size) = sequence
        val units = given.shape(1).firstOrNull() ?: 0
        val weights = List(4) { listOf(units, size) } + List(4) { listOf(units, units) }
        val wanted = weights + List(4) { listOf(units) } + List(2) { listOf(batch, units) }
        val found = given.shapes.subList(1, 9) + given.shapes.subList(12, 16) +
            given.shapes.subList(18, 20)
        if (found != wanted) throw Foreign("weights that do not fit")
        given.work = product(batch, steps, GATES, units, size + units)
        given.scratch = product(FLOAT_BYTES, batch, 2 * GATES, units)
        return listOf(listOf(batch, steps, units))
    }

    private fun layer(given: Operands): Triple<Shape, Shape, Shape?> =
        Triple(given.shape(0), given.shape(1), given.shapes.getOrNull(2))

    private fun fits(bias: Shape?, channels: Long): Boolean =
        bias == null || bias == listOf(channels)

    /** Positions of a window along an axis. */
    private fun window(size: Long, kernel: Long, stride: Long, dilation: Long, padding: Long): Long {
        if (padding == 0L) return (size + stride - 1) / stride // "same"
        val rest = size - (kernel - 1) * dilation - 1
        if (rest < 0) throw Foreign("a window larger than its image")
        return rest / stride + 1
    }

    private fun whole(option: Any): Long = option as? Long ?: 0
}
