package org.tfsv.core.model

/**
 * A table of a flatbuffer of any origin: every offset is checked before it is followed, and each
 * value knows where it lies in the file, which is what the expander patches.
 *
 * @param position where the table begins.
 */
internal class Table(private val bytes: Bytes, private val position: Long) {
    private val layout = position - bytes.i32(position)
    private val fields: Int

    init {
        val size = bytes.u16(layout)
        if (size < LAYOUT_HEADER || layout + size > bytes.size) {
            throw Damaged("damaged flatbuffer: a table's layout lies outside the file")
        }
        fields = (size - LAYOUT_HEADER) / 2
    }

    /** Where the value of a field of the schema lies, perhaps outside the file; null: absent. */
    fun slot(field: Int): Long? {
        if (field >= fields) return null
        val offset = bytes.u16(layout + LAYOUT_HEADER + 2 * field)
        return if (offset == 0) null else position + offset
    }

    /** A number of 32 bits; 0 where the field is absent. */
    fun number(field: Int): Long = slot(field)?.let(bytes::u32) ?: 0

    /** A number of 8 bits; 0 where the field is absent. */
    fun byte(field: Int): Int = slot(field)?.let(bytes::i8) ?: 0

    /** Where a vector of scalars of so many bytes each lies; null where the field is absent. */
    fun vector(field: Int, width: Int = 1): Span? {
        val start = bytes.followed(slot(field) ?: return null)
        val end = start + Int.SIZE_BYTES + width * bytes.u32(start)
        if (end > bytes.size) throw Damaged("damaged flatbuffer: a vector lies outside the file")
        return Span(start.toInt() + Int.SIZE_BYTES, end.toInt())
    }

    /** A vector of numbers of 32 bits; empty where the field is absent. */
    fun numbers(field: Int): IntArray {
        val span = vector(field, Int.SIZE_BYTES) ?: Span.EMPTY
        return IntArray(span.size / Int.SIZE_BYTES) {
            bytes.i32(span.start + Int.SIZE_BYTES * it.toLong())
        }
    }

    /** A vector of tables; empty where the field is absent. */
    fun tables(field: Int): Tables = Tables(bytes, vector(field, Int.SIZE_BYTES) ?: Span.EMPTY)

    companion object {
        private const val LAYOUT_HEADER = 4

        /** The table that the file begins with. */
        fun root(bytes: Bytes): Table = Table(bytes, bytes.followed(0))
    }
}

/** A vector of tables, each read when it is asked for. */
internal class Tables(private val bytes: Bytes, private val span: Span) {
    /** Where the first of the offsets lies. */
    val position: Int get() = span.start

    val size: Int get() = span.size / Int.SIZE_BYTES

    operator fun get(index: Long): Table {
        if (index !in 0 until size) throw Damaged("damaged flatbuffer: entry $index of $size")
        return Table(bytes, bytes.followed(span.start + Int.SIZE_BYTES * index))
    }

    operator fun get(index: Int): Table = get(index.toLong())
}
