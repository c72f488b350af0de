package org.tfsv.core.model

import org.tfsv.core.BadInput

/**
 * What a model for speaker verification says of itself; see `tfsv/card.py`.
 *
 * The app reads cards of schemas 1, 2 and 3. A card of schema 3 may hold more in its tables
 * `measured` and `decision` than this app knows; the app ignores it. Any other key that it does not
 * know makes it refuse the card.
 *
 * @property network name of the architecture.
 * @property channels of the network's first layer.
 * @property bins mel bins that the network takes.
 * @property embeddingSize dimensions of an embedding.
 * @property pooling name of the pooling; null for the one that the network was published with.
 * @property bits of a weight of each quantized layer, 1 to 8 of codes or 16 of float16; empty for a
 *     float model.
 * @property scheme how the codebooks were made; null for a float model.
 * @property trainedOn the corpora, in words.
 * @property eer equal error rate where the model was reported, a fraction; null if not measured.
 * @property minDcf lowest detection cost at a target prior of 0.01; null if not measured.
 * @property thresholds cosine scores from which on to accept, by operating point.
 * @property scoring how scores are made that are no cosines; null: they are cosines.
 * @property versions packages that made the model, by name.
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
    val scoring: ScoringTable?,
    val versions: Map<String, String>,
    val notes: String,
) {
    private val deciding: Map<String, Double> get() = scoring?.thresholds ?: thresholds

    /**
     * The score from which on to accept, of the kind that the model's scores are.
     *
     * @throws BadInput the model was not calibrated there.
     */
    fun threshold(point: Operating): Double = deciding[point.entry] ?: throw BadInput(
        "The model's card has no threshold ${point.entry}; " +
            "calibrate it with tfsv evaluate --calibrate and export it again.",
    )

    /**
     * The score from which on two utterances may well be of one voice: that of equal error rates, or
     * of 1 % where the card has none.
     *
     * @throws BadInput the model was not calibrated at all.
     */
    fun likeness(): Double = deciding[EQUAL_ERRORS] ?: threshold(Operating.FAR_1_PERCENT)

    internal companion object {
        private const val EQUAL_ERRORS = "eer"

        /** Reads the JSON of a card, of any schema that [CardSchemas] knows. */
        fun fromJson(text: String): ModelCard = CardSchemas.read(CardFields.parse(text))
    }
}
