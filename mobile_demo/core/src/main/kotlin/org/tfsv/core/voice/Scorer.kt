package org.tfsv.core.voice

import org.tfsv.core.BadInput
import org.tfsv.core.model.ModelFile

/**
 * How a model compares two voices; see `tfsv/verification/scorer.py`.
 *
 * The thresholds of the model's card are for these scores.
 *
 * @property scale what the scores are.
 */
class Scorer private constructor(
    private val normalisation: Normalisation?,
    private val calibration: Calibration?,
) {
    val scale: Scale get() = if (calibration == null) Scale.COSINE else Scale.RATIO

    /**
     * The score of two voices; it is the same when they are exchanged.
     *
     * @throws BadInput the embeddings are of another model, or the model's numbers are senseless.
     */
    fun score(enrol: Voice, test: Voice): Double {
        val a = enrol.embedding
        val b = test.embedding
        val cosine = Scoring.cosine(a, b)
        val strangers = normalisation?.let { listOf(it.strangers(a), it.strangers(b)) }.orEmpty()
        val score = if (strangers.isEmpty()) cosine else strangers.map { it.above(cosine) }.average()
        val means = strangers.map { it.mean }
        val found = calibration?.ratio(score, enrol.sound, test.sound, means) ?: score
        if (!found.isFinite()) {
            throw BadInput("The model gives no usable score; choose another model.")
        }
        return found
    }

    companion object {
        /** Of models that carry no more than thresholds: their scores are cosines. */
        val COSINE: Scorer = Scorer(null, null)

        /** The scorer that a model carries. */
        fun of(file: ModelFile): Scorer {
            val table = file.card.scoring ?: return COSINE
            val cohort = file.cohort.takeIf { table.cohort != null }
            val normalisation = cohort?.let { Normalisation(it, checkNotNull(table.top)) }
            return Scorer(normalisation, Calibration(table))
        }
    }
}
