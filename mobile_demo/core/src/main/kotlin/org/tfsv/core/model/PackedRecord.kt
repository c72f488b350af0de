package org.tfsv.core.model

/**
 * What a packed model says of itself: which tensors hold codes, and which they become.
 *
 * @property decoding number of decoding operators.
 * @property spare first of the buffers that expanded kernels get.
 * @property expanded bytes of the expanded model.
 */
internal class PackedRecord(
    val groups: List<Group>,
    val decoding: Int,
    val spare: Int,
    val expanded: Long,
) {
    /**
     * Layers of one shape and width.
     *
     * @property scale tensor of the channels' factors; null: none.
     * @property codes tensors of the planes.
     * @property kernels tensors that the operators read, one a layer.
     */
    class Group(
        val bits: Int,
        val codebook: Int,
        val scale: Int?,
        val codes: IntArray,
        val kernels: IntArray,
    )

    companion object {
        private const val MAGIC = 0x56534654L // "TFSV"
        private const val VERSION = 1
        private const val NONE = 0xFFFF

        /** Reads the metadata entry. */
        fun read(bytes: Bytes, place: Span): PackedRecord {
            val reader = Reader(bytes, place)
            if (reader.u32() != MAGIC) throw reader.damaged()
            val version = reader.u16()
            if (version != VERSION) {
                throw Damaged("packed in format $version; this app reads format $VERSION")
            }
            val groups = reader.u16()
            val decoding = reader.u16()
            val spare = reader.u16()
            val expanded = reader.u32()
            val record = PackedRecord(List(groups) { group(reader) }, decoding, spare, expanded)
            if (!reader.atEnd) throw reader.damaged()
            return record
        }

        private fun group(reader: Reader): Group {
            val bits = reader.u8()
            val layers = reader.u8()
            if (bits !in Codes.WIDTHS || layers == 0) {
                throw Damaged("a packed group of $layers layers of $bits bits")
            }
            val codebook = reader.u16()
            val scale = reader.u16()
            val codes = IntArray(Codes.planes(bits).size) { reader.u16() }
            val kernels = IntArray(layers) { reader.u16().also { reader.skipError() } }
            return Group(bits, codebook, scale.takeIf { it != NONE }, codes, kernels)
        }
    }

    private class Reader(private val bytes: Bytes, private val place: Span) {
        private var position = place.start

        val atEnd: Boolean get() = position == place.end

        fun u8(): Int = bytes.i8(take(1)) and 0xFF

        fun u16(): Int = bytes.u16(take(Short.SIZE_BYTES))

        fun u32(): Long = bytes.u32(take(Int.SIZE_BYTES))

        fun skipError() {
            take(Float.SIZE_BYTES)
        }

        fun damaged() = Damaged("damaged record of packed layers")

        private fun take(count: Int): Long {
            if (place.end - position < count) throw damaged()
            position += count
            return (position - count).toLong()
        }
    }
}
