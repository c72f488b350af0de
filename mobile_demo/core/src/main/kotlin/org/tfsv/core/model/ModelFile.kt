package org.tfsv.core.model

import org.tfsv.core.BadInput

/**
 * A file of `tfsv export` for speaker verification, read and checked as `docs/packed_format.md`
 * says.
 *
 * @property card what the model says of itself.
 * @property cohort vectors by which scores are normalised, as the card needs them; null: none.
 */
class ModelFile private constructor(
    file: ExportedFile,
    val card: ModelCard,
    val cohort: Cohort?,
) : Exported by file {
    companion object {
        /** Bytes of the largest file, packed or expanded. */
        const val LARGEST: Int = ExportedFile.LARGEST

        /** Bytes of the beginning that [checkHead] looks at. */
        const val HEAD_BYTES: Int = ExportedFile.HEAD_BYTES

        /**
         * Reads a file.
         *
         * @param bytes the whole file, of any origin; not to be changed afterwards.
         * @param name what error messages call it.
         * @throws BadInput it is no such file, damaged, or a model for another task.
         */
        fun read(bytes: ByteArray, name: String): ModelFile =
            ExportedFile.read(bytes, name) { file, fields ->
                val card = CardSchemas.read(fields)
                val place = Metadata.find(file.bytes, Metadata.COHORT)
                val cohort = place?.let { Cohort.read(file.bytes, it) }
                card.scoring?.check(cohort, card.embeddingSize)
                ModelFile(file, card, cohort)
            }

        /**
         * Looks at the beginning of a file, before anybody reads all of it.
         *
         * @param head its first [HEAD_BYTES] bytes, or more.
         * @param name what error messages call it.
         * @throws BadInput it is no TFLite file.
         */
        fun checkHead(head: ByteArray, name: String) = ExportedFile.checkHead(head, name)
    }
}
