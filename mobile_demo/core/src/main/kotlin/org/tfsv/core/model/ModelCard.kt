package org.tfsv.core.model

import org.tfsv.core.BadInput

/**
 * What a model says of itself; see `tfsv/card.py`.
 *
 * @property network name of the architecture.
 * @property channels of its first layer.
 * @property bins mel bins that it takes.
 * @property embeddingSize dimensions of an embedding.
 * @property pooling null: the network's published one.
 * @property bits of the codebook of each quantized layer; empty: a float model.
 * @property scheme how the codebooks were made; null: a float model.
 * @property trainedOn the corpora, in words.
 * @property eer equal error rate where the model was reported, a fraction; null: not measured.
 * @property minDcf at a target prior of 0.01; null: not measured.
 * @property thresholds cosine scores from which on to accept, by operating point.
 * @property versions packages that made the model.
 * @property notes free text.
 */
class ModelCard internal constructor(
    val network: String,
    val channels: Int,
    val bins: Int,
    val embeddingSize: Int,
    val pooling: String?,
    val bits: Map<String, Int>,
    val scheme: String?,
    val trainedOn: String,
    val eer: Double?,
    val minDcf: Double?,
    val thresholds: Map<String, Double>,
    val versions: Map<String, String>,
    val notes: String,
) {
    /**
     * The score from which on to accept.
     *
     * @throws BadInput the model was not calibrated there.
     */
    fun threshold(point: Operating): Double = thresholds[point.entry] ?: throw BadInput(
        "The model's card has no threshold ${point.entry}; " +
            "calibrate it with tools/evaluate.py --calibrate and export it again.",
    )

    /**
     * The score from which on two utterances may well be of one voice: that of equal error rates, or
     * of 1 % where the card has none.
     *
     * @throws BadInput the model was not calibrated at all.
     */
    fun likeness(): Double = thresholds[EQUAL_ERRORS] ?: threshold(Operating.FAR_1_PERCENT)

    internal companion object {
        private const val EQUAL_ERRORS = "eer"
        private const val OLDER_SCHEMA = 1 // without pooling
        private const val SCHEMA = 2
        private val KEYS = setOf(
            "schema", "network", "channels", "bins", "embedding_size", "pooling", "front_end",
            "bits", "scheme", "trained_on", "eer", "min_dcf", "thresholds", "versions", "notes",
        )

        /** Reads the JSON of a card. */
        fun fromJson(text: String): ModelCard {
            val fields = CardFields.parse(text)
            val schema = fields.count("schema")
            if (schema != SCHEMA && schema != OLDER_SCHEMA) {
                throw Damaged("model card of schema $schema, this app reads $SCHEMA")
            }
            fields.checkKeys(KEYS)
            fields.table("front_end")
            return ModelCard(
                network = fields.name("network"),
                channels = fields.count("channels"),
                bins = fields.count("bins"),
                embeddingSize = fields.count("embedding_size"),
                pooling = if (schema == SCHEMA) fields.optional("pooling", fields::name) else null,
                bits = fields.table("bits").let { it.toMap(it::width) },
                scheme = fields.optional("scheme", fields::name),
                trainedOn = fields.text("trained_on"),
                eer = fields.optional("eer", fields::fraction),
                minDcf = fields.optional("min_dcf", fields::fraction),
                thresholds = fields.table("thresholds").let { it.toMap(it::number) },
                versions = fields.table("versions").let { it.toMap(it::text) },
                notes = fields.text("notes"),
            )
        }
    }
}
