package org.tfsv.core.model

import java.nio.Buffer
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.nio.charset.CharacterCodingException
import org.tfsv.core.BadInput
import org.tfsv.core.toHex

/**
 * A file of `tfsv export` of any task, read and checked as `docs/packed_format.md` says.
 */
internal class ExportedFile private constructor(
    private val content: ByteArray,
    private val expansion: Expansion?,
    override val name: String,
    override val sha256: String,
) : Exported {
    override val size: Int get() = content.size

    override val expandedSize: Int get() = expansion?.size ?: size

    override val packed: Boolean get() = expansion != null

    /** The file's numbers. */
    val bytes: Bytes get() = Bytes(ByteBuffer.wrap(content))

    override fun expanded(): ByteBuffer {
        if (expansion == null) return plain()
        return explained(name) {
            val expanded = allocated(expansion.size)
            expansion.write(expanded)
            GraphRules.check(Bytes(expanded))
            expanded.order(ByteOrder.nativeOrder())
        }
    }

    override fun plain(): ByteBuffer = explained(name) {
        GraphRules.check(bytes)
        val plain = allocated(size)
        plain.put(content)
        (plain as Buffer).position(0) // ByteBuffer's own came after Android 7
        plain.order(ByteOrder.nativeOrder())
    }

    private fun allocated(size: Int): ByteBuffer = try {
        ByteBuffer.allocateDirect(size)
    } catch (error: OutOfMemoryError) {
        throw BadInput("$name needs $size bytes, more than there are; use another.", error)
    }

    companion object {
        /** Bytes of the largest file, packed or expanded. */
        const val LARGEST: Int = 1 shl 29

        /** Bytes of the beginning that [checkHead] looks at. */
        const val HEAD_BYTES: Int = 8

        private const val SMALLEST = 64
        private const val IDENTIFIER = "TFL3"
        private const val IDENTIFIER_POSITION = 4

        /**
         * Reads a file.
         *
         * @param bytes the whole file, of any origin; not to be changed afterwards.
         * @param name what error messages call it.
         * @param open makes of the file and its card what the caller is for. It may say with
         *   [Damaged] and [Unsuitable] why it cannot.
         * @throws BadInput it is no such file, or damaged, or `open` refuses it.
         */
        fun <T> read(bytes: ByteArray, name: String, open: (ExportedFile, CardFields) -> T): T {
            checkHead(bytes, name)
            if (bytes.size < SMALLEST || bytes.size > LARGEST) throw unknown(name)
            return explained(name) {
                val file = Bytes(ByteBuffer.wrap(bytes))
                val checksum = Metadata.find(file, Metadata.CHECKSUM)
                val place = Metadata.find(file, Metadata.CARD)
                if (checksum == null && place == null) {
                    throw Unsuitable("is a TFLite file, but tfsv did not make it")
                }
                Checksum.check(bytes, checksum)
                val card = card(bytes, place)
                val expansion = Metadata.find(file, Metadata.RECORD)
                    ?.let { Expansion(bytes, file, it) }
                open(ExportedFile(bytes, expansion, name, Checksum.of(bytes).toHex()), card)
            }
        }

        /** See [ModelFile.checkHead]. */
        fun checkHead(head: ByteArray, name: String) {
            val known = head.size >= HEAD_BYTES && IDENTIFIER.indices.all {
                head[IDENTIFIER_POSITION + it] == IDENTIFIER[it].code.toByte()
            }
            if (!known) throw unknown(name)
        }

        private fun unknown(name: String) =
            BadInput("$name is no TFLite file; export the model again.")

        private fun card(bytes: ByteArray, place: Span?): CardFields {
            if (place == null) throw Damaged("it has no model card")
            val text = try {
                Charsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes, place.start, place.size))
            } catch (_: CharacterCodingException) {
                throw Damaged("its model card is not UTF-8")
            }
            return CardFields.parse(text.toString())
        }

        private fun <T> explained(name: String, read: () -> T): T = try {
            read()
        } catch (damaged: Damaged) {
            val reason = damaged.message
            throw BadInput("$name is no sound model of tfsv ($reason); get it again.", damaged)
        } catch (unsuitable: Unsuitable) {
            throw BadInput("$name ${unsuitable.message}; use another.", unsuitable)
        }
    }
}
