package org.tfsv.core.audio

import java.nio.ByteBuffer
import java.nio.ByteOrder
import org.tfsv.core.BadInput

/** Reads WAV files: PCM of 16, 24 or 32 bits, or float of 32 bits. */
object Wav {
    private const val PCM = 1
    private const val FLOAT = 3
    private const val EXTENSIBLE = 0xFFFE
    private const val RIFF_HEADER = 12
    private const val CHUNK_HEADER = 8
    private const val FORMAT_BYTES = 16
    private const val EXTENSIBLE_BYTES = 26
    private const val MAXIMUM_CHANNELS = 64

    /**
     * Reads a file; several channels become their mean. Floats beyond 1 stay what they are, since
     * level changes no embedding.
     *
     * @param bytes the whole file, of any origin.
     * @param name what the error message calls it.
     * @throws BadInput no WAV file, or of another kind.
     */
    fun read(bytes: ByteArray, name: String): Recording {
        val file = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN)
        if (bytes.size < RIFF_HEADER || !bytes.has("RIFF", 0) || !bytes.has("WAVE", 8)) {
            throw BadInput("$name is no WAV file; record it as one.")
        }
        var format: Format? = null
        var position = RIFF_HEADER
        while (position <= bytes.size - CHUNK_HEADER) {
            val start = position + CHUNK_HEADER
            // Recorders that were interrupted leave a length that is too large.
            val declared = file.getInt(position + 4).toLong() and 0xFFFFFFFFL
            val length = minOf(declared, bytes.size.toLong() - start).toInt()
            if (bytes.has("fmt ", position)) format = format(file, start, length, name)
            if (bytes.has("data", position) && format != null) {
                return Recording(samples(file, start, length, format), format.rate)
            }
            val next = start.toLong() + length + (length and 1)
            if (next > bytes.size) break
            position = next.toInt()
        }
        throw BadInput("$name holds no sound; record it again.")
    }

    private class Format(val float: Boolean, val channels: Int, val rate: Int, val bytes: Int)

    private fun format(file: ByteBuffer, start: Int, length: Int, name: String): Format {
        if (length < FORMAT_BYTES) throw BadInput("$name is damaged; record it again.")
        var kind = file.getShort(start).toInt() and 0xFFFF
        if (kind == EXTENSIBLE && length >= EXTENSIBLE_BYTES) {
            kind = file.getShort(start + 24).toInt() and 0xFFFF
        }
        val channels = file.getShort(start + 2).toInt() and 0xFFFF
        val rate = file.getInt(start + 4)
        val bits = file.getShort(start + 14).toInt() and 0xFFFF
        val known = if (kind == FLOAT) bits == 32 else kind == PCM && bits in setOf(16, 24, 32)
        if (!known || channels !in 1..MAXIMUM_CHANNELS || rate < 1) {
            throw BadInput("$name is no WAV file of 16, 24 or 32 bits; convert it.")
        }
        return Format(kind == FLOAT, channels, rate, bits / 8)
    }

    private fun samples(file: ByteBuffer, start: Int, length: Int, format: Format): FloatArray {
        val frame = format.bytes * format.channels
        return FloatArray(length / frame) { index ->
            var sum = 0f
            for (channel in 0 until format.channels) {
                sum += sample(file, start + index * frame + channel * format.bytes, format)
            }
            sum / format.channels
        }
    }

    private fun sample(file: ByteBuffer, position: Int, format: Format): Float = when {
        format.float -> file.getFloat(position)
        format.bytes == 2 -> file.getShort(position) / 32768f
        format.bytes == 3 -> {
            val low = file.getShort(position).toInt() and 0xFFFF
            ((file.get(position + 2).toInt() shl 16) or low) / 8388608f
        }
        else -> file.getInt(position) / 2147483648f
    }

    private fun ByteArray.has(tag: String, position: Int): Boolean =
        tag.indices.all { this[position + it] == tag[it].code.toByte() }
}
