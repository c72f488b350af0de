package org.tfsv.core.model

import java.nio.ByteBuffer
import java.nio.ByteOrder

/** Numbers of a file, little-endian, read from anywhere: outside of it there are none. */
internal class Bytes(content: ByteBuffer) {
    private val content = content.duplicate().order(ByteOrder.LITTLE_ENDIAN)

    /** Bytes of the file. */
    val size: Int = content.capacity()

    /** A byte that is known to be inside. */
    operator fun get(position: Int): Byte = content.get(position)

    fun i8(position: Long): Int = content.get(checked(position, 1)).toInt()

    fun u16(position: Long): Int =
        content.getShort(checked(position, Short.SIZE_BYTES)).toInt() and 0xFFFF

    fun i32(position: Long): Int = content.getInt(checked(position, Int.SIZE_BYTES))

    fun u32(position: Long): Long = i32(position).toLong() and 0xFFFFFFFFL

    /** Where the offset at [position] leads, which may be outside. */
    fun followed(position: Long): Long = position + u32(position)

    private fun checked(position: Long, bytes: Int): Int {
        if (position < 0 || position > size - bytes) {
            throw Damaged("damaged flatbuffer: an offset leads out of the file")
        }
        return position.toInt()
    }
}

/** Bytes [start] until [end] of a file. */
internal class Span(val start: Int, val end: Int) {
    val size: Int get() = end - start

    companion object {
        val EMPTY: Span = Span(0, 0)
    }
}
