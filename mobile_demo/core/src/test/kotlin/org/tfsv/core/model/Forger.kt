package org.tfsv.core.model

import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.security.MessageDigest

/** Changes a model file and gives it the checksum that it then needs. */
internal class Forger(content: ByteArray) {
    private var bytes = content.copyOf()

    /** The file as it is now. */
    val file: Bytes get() = Bytes(ByteBuffer.wrap(bytes))

    /** Where the record of packed layers begins. */
    val record: Int get() = checkNotNull(Metadata.find(file, Metadata.RECORD)).start

    fun byte(position: Int, value: Int) {
        bytes[position] = value.toByte()
    }

    fun short(position: Int, value: Int) {
        buffer().putShort(position, value.toShort())
    }

    fun word(position: Long, value: Long) {
        buffer().putInt(position.toInt(), value.toInt())
    }

    /** Puts a metadata entry's content at the end of the file. */
    fun entry(name: String, content: ByteArray) {
        val old = checkNotNull(Metadata.find(file, name))
        val model = Table.root(file)
        val buffers = model.tables(Schema.MODEL_BUFFERS)
        val slots = (0 until buffers.size).mapNotNull { buffers[it].slot(Schema.BUFFER_DATA) }
        val slot = slots.first { file.followed(it) + Int.SIZE_BYTES == old.start.toLong() }
        bytes = bytes.copyOf((bytes.size + 3) / 4 * 4)
        word(slot, bytes.size - slot)
        val length = ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(content.size)
        bytes = bytes + length.array() + content
    }

    /** The file with a right checksum; without one if there is no place for it any more. */
    fun sealed(): ByteArray {
        val place = try {
            Metadata.find(file, Metadata.CHECKSUM)
        } catch (_: Damaged) {
            null
        }
        if (place?.size == 32) {
            bytes.fill(0, place.start, place.end)
            MessageDigest.getInstance("SHA-256").digest(bytes).copyInto(bytes, place.start)
        }
        return bytes
    }

    private fun buffer() = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN)
}
