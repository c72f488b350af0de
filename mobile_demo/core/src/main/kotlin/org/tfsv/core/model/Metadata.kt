package org.tfsv.core.model

/** The named entries that a TFLite file carries beside its graph. */
internal object Metadata {
    const val CARD = "tfsv.card"
    const val CHECKSUM = "tfsv.sha256"
    const val RECORD = "tfsv.packed"
    const val COHORT = "tfsv.cohort"

    /** Where the content of the first entry of this name lies; null: there is none. */
    fun find(bytes: Bytes, name: String): Span? {
        val model = Table.root(bytes)
        val entries = model.tables(Schema.MODEL_METADATA)
        for (index in 0 until entries.size) {
            val entry = entries[index]
            val span = entry.vector(Schema.METADATA_NAME) ?: continue
            if (span.size != name.length || !bytes.holds(name, span.start)) continue
            val buffer = model.tables(Schema.MODEL_BUFFERS)[entry.number(Schema.METADATA_BUFFER)]
            return buffer.vector(Schema.BUFFER_DATA) ?: Span.EMPTY
        }
        return null
    }

    private fun Bytes.holds(name: String, start: Int): Boolean =
        name.indices.all { this[start + it] == name[it].code.toByte() }
}
