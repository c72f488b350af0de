package org.tfsv.core.model

import java.nio.Buffer
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.nio.charset.CharacterCodingException
import org.tfsv.core.BadInput
import org.tfsv.core.toHex

/**
 * A file of `tfsv export`, read and checked as `docs/packed_format.md` says.
 *
 * @property name what error messages call it.
 * @property card what the model says of itself.
 * @property cohort vectors by which scores are normalised, as the card needs them; null: none.
 * @property sha256 of the whole file, in hexadecimal digits: the model's identity.
 */
class ModelFile private constructor(
    private val content: ByteArray,
    private val expansion: Expansion?,
    val name: String,
    val card: ModelCard,
    val cohort: Cohort?,
    val sha256: String,
) {
    /** Bytes of the file. */
    val size: Int get() = content.size

    /** Bytes of the expanded model. */
    val expandedSize: Int get() = expansion?.size ?: size

    /** Whether kernels are codes; [expanded] then differs from [plain]. */
    val packed: Boolean get() = expansion != null

    /**
     * The model that XNNPACK runs at full speed; a plain file as it is.
     *
     * @return a new direct buffer in native order, at position 0; constants lie at multiples of 16
     *   from its beginning.
     * @throws BadInput it cannot be expanded, or needs more memory than there is.
     */
    fun expanded(): ByteBuffer {
        if (expansion == null) return plain()
        return explained(name) {
            val expanded = allocated(name, expansion.size)
            expansion.write(expanded)
            GraphRules.check(Bytes(expanded))
            expanded.order(ByteOrder.nativeOrder())
        }
    }

    /**
     * The file as it is, which decodes its codes at each inference.
     *
     * @return a buffer like that of [expanded].
     * @throws BadInput its graph makes no sense, or there is not enough memory.
     */
    fun plain(): ByteBuffer = explained(name) {
        GraphRules.check(Bytes(ByteBuffer.wrap(content)))
        val plain = allocated(name, size)
        plain.put(content)
        (plain as Buffer).position(0) // ByteBuffer's own came after Android 7
        plain.order(ByteOrder.nativeOrder())
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
         * @throws BadInput it is no such file, damaged, or a model for another task.
         */
        fun read(bytes: ByteArray, name: String): ModelFile {
            checkHead(bytes, name)
            if (bytes.size < SMALLEST || bytes.size > LARGEST) throw unknown(name)
            return explained(name) {
                val file = Bytes(ByteBuffer.wrap(bytes))
                val places = listOf(Metadata.CHECKSUM, Metadata.CARD).map { Metadata.find(file, it) }
                if (places.all { it == null }) {
                    throw Unsuitable("is a TFLite file, but tfsv did not make it")
                }
                Checksum.check(bytes, places[0])
                val card = card(bytes, places[1])
                val cohort = Metadata.find(file, Metadata.COHORT)?.let { Cohort.read(file, it) }
                card.scoring?.check(cohort, card.embeddingSize)
                val expansion = Metadata.find(file, Metadata.RECORD)
                    ?.let { Expansion(bytes, file, it) }
                ModelFile(bytes, expansion, name, card, cohort, Checksum.of(bytes).toHex())
            }
        }

        /**
         * Looks at the beginning of a file, before anybody reads all of it.
         *
         * @param head its first [HEAD_BYTES] bytes, or more.
         * @param name what error messages call it.
         * @throws BadInput it is no TFLite file.
         */
        fun checkHead(head: ByteArray, name: String) {
            val known = head.size >= HEAD_BYTES && IDENTIFIER.indices.all {
                head[IDENTIFIER_POSITION + it] == IDENTIFIER[it].code.toByte()
            }
            if (!known) throw unknown(name)
        }

        private fun unknown(name: String) =
            BadInput("$name is no TFLite file; export the model again.")

        private fun card(bytes: ByteArray, place: Span?): ModelCard {
            if (place == null) throw Damaged("it has no model card")
            val text = try {
                Charsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes, place.start, place.size))
            } catch (_: CharacterCodingException) {
                throw Damaged("its model card is not UTF-8")
            }
            return ModelCard.fromJson(text.toString())
        }

        private fun <T> explained(name: String, read: () -> T): T = try {
            read()
        } catch (damaged: Damaged) {
            val reason = damaged.message
            throw BadInput("$name is no sound model of tfsv ($reason); get it again.", damaged)
        } catch (unsuitable: Unsuitable) {
            throw BadInput("$name ${unsuitable.message}; use another.", unsuitable)
        }

        private fun allocated(name: String, size: Int): ByteBuffer = try {
            ByteBuffer.allocateDirect(size)
        } catch (error: OutOfMemoryError) {
            throw BadInput("$name needs $size bytes, more than there are; use another.", error)
        }
    }
}
