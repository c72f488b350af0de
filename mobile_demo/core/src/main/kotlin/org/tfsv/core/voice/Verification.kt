package org.tfsv.core.voice

/**
 * An answer to "is it the same voice?".
 *
 * @property score cosine, -1 to 1.
 * @property threshold score from which on the voice is accepted.
 */
class Verification(val score: Double, val threshold: Double) {
    /** Whether the voice is accepted. */
    val accepted: Boolean get() = score >= threshold

    companion object {
        /** Compares an utterance with a voiceprint. */
        fun of(voiceprint: FloatArray, embedding: FloatArray, threshold: Double): Verification =
            Verification(Scoring.cosine(voiceprint, embedding), threshold)
    }
}
