package org.tfsv.core.separation

import java.nio.ByteBuffer
import org.tfsv.core.BadInput
import org.tfsv.core.model.Bytes
import org.tfsv.core.model.Damaged
import org.tfsv.core.model.ExportedFile
import org.tfsv.core.model.ModelFile
import org.tfsv.core.model.Signature

/**
 * A file that `tfsv export` made of a causal separator, read and checked like a [ModelFile].
 *
 * @property card what the separator says of itself.
 */
class SeparatorFile private constructor(private val file: ExportedFile, val card: SeparatorCard) {
    /** What error messages call it. */
    val name: String get() = file.name

    /** SHA-256 of the whole file, in hexadecimal digits. */
    val sha256: String get() = file.sha256

    /** Bytes of the file. */
    val size: Int get() = file.size

    /** Whether kernels are codes; [expanded] then differs from [plain]. */
    val packed: Boolean get() = file.packed

    /**
     * The model that XNNPACK runs at full speed, in a buffer like that of [ModelFile.expanded].
     *
     * @throws BadInput it cannot be expanded, or needs more memory than there is.
     */
    fun expanded(): ByteBuffer = file.expanded()

    /**
     * The file as it is, which decodes its codes at each inference.
     *
     * @throws BadInput its graph makes no sense, or there is not enough memory.
     */
    fun plain(): ByteBuffer = file.plain()

    companion object {
        /**
         * Reads a file.
         *
         * @param bytes the whole file, of any origin; not to be changed afterwards.
         * @param name what error messages call it.
         * @throws BadInput it is no such file, damaged, a model for another task, or a separator
         *   that is not causal.
         */
        fun read(bytes: ByteArray, name: String): SeparatorFile =
            ExportedFile.read(bytes, name) { file, fields ->
                val card = SeparatorCards.read(fields)
                checkPorts(file.bytes, card)
                SeparatorFile(file, card)
            }

        /** Checks that the file takes and gives what a stream of such a card does. */
        private fun checkPorts(bytes: Bytes, card: SeparatorCard) {
            val pasts = Pasts.shapes(card)
            val taken = pasts.mapKeys { SeparatorPorts.BEFORE + it.key } + mapOf(
                SeparatorPorts.MIXTURE to listOf(1, card.microphones, Signature.ANY),
                SeparatorPorts.ANGLE to listOf(1),
            )
            val given = pasts.keys.map { SeparatorPorts.AFTER + it } + SeparatorPorts.SEPARATED
            val fits = Signature.inputs(bytes) == taken &&
                Signature.outputs(bytes).keys == given.toSet()
            if (!fits) {
                throw Damaged("its card says that it is causal; its inputs do not")
            }
        }
    }
}
