package org.tfsv.core.separation

import org.tfsv.core.BadInput
import org.tfsv.core.model.Bytes
import org.tfsv.core.model.Damaged
import org.tfsv.core.model.Exported
import org.tfsv.core.model.ExportedFile
import org.tfsv.core.model.ModelFile
import org.tfsv.core.model.Signature

/**
 * A file that `tfsv export` made of a causal separator, read and checked like a [ModelFile].
 *
 * @property card what the separator says of itself.
 */
class SeparatorFile private constructor(file: ExportedFile, val card: SeparatorCard) :
    Exported by file {
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
