package org.tfsv.core.model

/**
 * Flatbuffer tables of any origin whose fields are all known beforehand.
 *
 * [Table] follows what it is asked for. Here whatever else a table may hold is refused, and so is
 * what is not aligned. A kind of table is named by its fields in the schema's order: o an offset, v
 * one of a vector, i and f 4 bytes, b a byte, x a field that no file of tfsv has.
 */
internal class Layouts(private val bytes: Bytes) {
    private val size = bytes.size and 3.inv()
    private val known = HashMap<Pair<String, Long>, Layout>()

    private class Layout(val size: Int, val fields: IntArray)

    /** A table: where it begins, and where in it each field is, 0 for an absent one. */
    inner class Fields(val place: Long, private val fields: IntArray) {
        fun has(field: Int): Boolean = fields[field] != 0

        fun slot(field: Int): Long = place + fields[field]

        fun number(field: Int, default: Int = 0): Int =
            if (has(field)) bytes.i32(slot(field)) else default

        fun byte(field: Int, default: Int = 0): Int =
            if (has(field)) bytes.i8(slot(field)) and BYTE else default

        /** Where the elements of a vector are; empty where there is none. */
        fun vector(field: Int, width: Int): Span {
            if (!has(field)) return Span.EMPTY
            val start = followed(slot(field))
            val count = bytes.i32(start)
            val end = start + Int.SIZE_BYTES + width.toLong() * count
            if (count < 0 || end > bytes.size) {
                throw Damaged("damaged flatbuffer: a vector lies outside the file")
            }
            return Span(start.toInt() + Int.SIZE_BYTES, end.toInt())
        }

        /** Where the offsets of a vector of tables are. */
        fun tables(field: Int): List<Long> {
            val span = vector(field, Int.SIZE_BYTES)
            if (span.size > Int.SIZE_BYTES * MOST) throw Foreign("a vector that is too long")
            return List(span.size / Int.SIZE_BYTES) { span.start + Int.SIZE_BYTES * it.toLong() }
        }

        /** A short vector of numbers of 32 bits. */
        fun integers(field: Int): List<Int> {
            val span = vector(field, Int.SIZE_BYTES)
            if (span.size > Int.SIZE_BYTES * LONGEST) throw Foreign("a vector that is too long")
            return List(span.size / Int.SIZE_BYTES) {
                bytes.i32(span.start + Int.SIZE_BYTES * it.toLong())
            }
        }
    }

    /** The table that the offset at [slot] leads to. */
    fun table(slot: Long, kind: String): Fields {
        val place = followed(slot)
        val at = place - bytes.i32(place)
        val layout = known.getOrPut(kind to at) { layout(at, kind) }
        if (place + layout.size > size) {
            throw Damaged("damaged flatbuffer: a table lies outside the file")
        }
        return Fields(place, layout.fields)
    }

    /** Where the offset at [slot] leads. */
    fun followed(slot: Long): Long {
        val offset = bytes.i32(slot)
        val place = slot + offset
        if (offset <= 0 || place % Int.SIZE_BYTES != 0L) {
            throw Damaged("damaged flatbuffer: an offset leads out of the file")
        }
        return place
    }

    private fun layout(place: Long, kind: String): Layout {
        val length = if (place % 2 == 0L) bytes.u16(place) else 0
        val size = bytes.u16(place + 2)
        if (length < HEADER || length % 2 != 0 || place + length > this.size || size < HEADER) {
            throw Damaged("damaged flatbuffer: a table's layout lies outside the file")
        }
        val fields = IntArray(kind.length)
        for (number in 0 until (length - HEADER) / 2) {
            val offset = bytes.u16(place + HEADER + 2 * number)
            if (offset == 0) continue
            val width = when (kind.getOrElse(number) { 'x' }) {
                'x' -> throw Foreign("a field that no file of tfsv has")
                'b' -> 1
                else -> Int.SIZE_BYTES
            }
            if (offset < HEADER || offset % width != 0 || offset + width > size) {
                throw Damaged("damaged flatbuffer: a field lies outside its table")
            }
            fields[number] = offset
        }
        return Layout(size, fields)
    }

    private companion object {
        const val HEADER = 4
        const val BYTE = 0xFF
        const val LONGEST = 1 shl 8
        const val MOST = 1 shl 16
    }
}
