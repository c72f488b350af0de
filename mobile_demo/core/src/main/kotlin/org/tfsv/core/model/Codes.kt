package org.tfsv.core.model

/** Codes of 1 to 8 bits as planes of bytes; see `docs/packed_format.md`. */
internal object Codes {
    /** Bits that a code may have. */
    val WIDTHS: IntRange = 1..8

    private val PLANES = arrayOf(
        intArrayOf(1),
        intArrayOf(2),
        intArrayOf(2, 1),
        intArrayOf(4),
        intArrayOf(4, 1),
        intArrayOf(4, 2),
        intArrayOf(4, 2, 1),
        intArrayOf(8),
    )

    /** Widths of the planes of codes of so many bits, the lowest bits first. */
    fun planes(bits: Int): IntArray = PLANES[bits - 1]

    /** Bytes of a plane of [count] codes. */
    fun planeBytes(count: Int, width: Int): Int = ((count.toLong() * width + 7) / 8).toInt()

    /**
     * Unpacks codes.
     *
     * @param starts where each plane's row begins in [bytes].
     * @param first number of the first code to unpack, a multiple of 8.
     * @param codes to fill, from its beginning.
     * @param count codes to unpack.
     */
    fun unpack(
        bytes: Bytes,
        bits: Int,
        starts: IntArray,
        first: Int,
        codes: ByteArray,
        count: Int,
    ) {
        codes.fill(0, 0, count)
        var shift = 0
        for ((plane, width) in planes(bits).withIndex()) {
            val start = starts[plane] + planeBytes(first, width)
            val perByte = 8 / width
            val mask = (1 shl width) - 1
            for (j in 0 until count) {
                val byte = bytes[start + j / perByte].toInt() and 0xFF
                val part = byte shr width * (j % perByte) and mask shl shift
                codes[j] = (codes[j].toInt() or part).toByte()
            }
            shift += width
        }
    }
}
