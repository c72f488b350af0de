package org.tfsv.core.model

/** Sizes of a tensor's axes. */
internal typealias Shape = List<Long>

/**
 * What an operator takes, as the rules for the shapes of its outputs see it.
 *
 * @property shapes the shape of each input; null: it is left out.
 * @property outputs number of outputs.
 */
internal class Operands(
    val shapes: List<Shape?>,
    val outputs: Int,
    private val values: (Int) -> List<Long>?,
) {
    /** Multiplications and additions of one inference; rules of layers set it. */
    var work = 0L

    /** Bytes that the operator may need beside its outputs; rules of layers set it. */
    var scratch = 0L

    /** The shape of an input that the operator's types demand. */
    fun shape(place: Int): Shape = shapes[place] ?: throw Foreign("lacks an input or output")

    /** An input's integers; null where they are not known before the graph runs. */
    fun perhaps(place: Int): List<Long>? = values(place)

    /** The integers of an input that must be known. */
    fun known(place: Int): List<Long> =
        values(place) ?: throw Foreign("sizes that only running it would tell")

    companion object {
        /** Most axes of any tensor. */
        const val HIGHEST_RANK = 5

        /** Most axes of what is broadcast, reduced or padded; kernels end the process at more. */
        const val BROADCAST_RANK = 4

        /** Longest axis. */
        const val LARGEST_SIDE = 1L shl 28

        private const val LARGEST_PRODUCT = 1L shl 62

        /** An axis of a tensor, counted from its first. */
        fun axis(axis: Long, rank: Int): Int {
            if (axis < -rank || axis >= rank) throw Foreign("an axis beyond the rank")
            return (if (axis < 0) axis + rank else axis).toInt()
        }

        /** Checks how many axes a tensor has. */
        fun rank(shape: Shape, lowest: Int, highest: Int) {
            if (shape.size !in lowest..highest) throw Foreign("a tensor of ${shape.size} axes")
        }

        /** The product of numbers that are not negative, or the largest number where it is more. */
        fun product(numbers: Iterable<Long>): Long {
            val all = numbers.toList()
            if (0L in all) return 0
            return all.fold(1L) { product, number ->
                if (product > LARGEST_PRODUCT / number) LARGEST_PRODUCT else product * number
            }
        }

        /** The product of numbers that are not negative. */
        fun product(vararg numbers: Long): Long = product(numbers.asList())
    }
}
