package org.tfsv.core.model

/**
 * Vectors of strangers, by which scores are normalised; see `tfsv/packed/cohort.py`.
 *
 * Only the direction of a vector counts, so that its values need no scale. They stay where they lie
 * in the file.
 *
 * @property size vectors, at least 2.
 * @property dimensions values of a vector.
 */
class Cohort private constructor(
    private val bytes: Bytes,
    private val start: Int,
    val size: Int,
    val dimensions: Int,
) {
    /** A value of a vector. */
    fun value(vector: Int, dimension: Int): Int =
        bytes[start + vector * dimensions + dimension].toInt()

    internal companion object {
        private const val MAGIC = 0x43534654L // "TFSC"
        private const val VERSION = 1
        private const val HEADER_BYTES = 10
        private const val FEWEST = 2

        /**
         * Reads the metadata entry.
         *
         * @throws Damaged it is no cohort, of another version or length, or has too few vectors or
         *   one of zeros.
         */
        fun read(bytes: Bytes, place: Span): Cohort {
            val start = place.start.toLong()
            if (place.size < HEADER_BYTES || bytes.u32(start) != MAGIC) {
                throw Damaged("damaged cohort")
            }
            val version = bytes.u16(start + 4)
            if (version != VERSION) {
                throw Damaged("cohort in format $version; this app reads format $VERSION")
            }
            val size = bytes.u16(start + 6)
            val dimensions = bytes.u16(start + 8)
            val held = place.size - HEADER_BYTES
            if (held.toLong() != size.toLong() * dimensions) {
                throw Damaged("cohort of $held bytes instead of $size × $dimensions")
            }
            val cohort = Cohort(bytes, place.start + HEADER_BYTES, size, dimensions)
            if (size < FEWEST || (0 until size).any { cohort.isZero(it) }) {
                throw Damaged("cohort of fewer than $FEWEST vectors or with one of zeros")
            }
            return cohort
        }

        private fun Cohort.isZero(vector: Int) = (0 until dimensions).all { value(vector, it) == 0 }
    }
}
