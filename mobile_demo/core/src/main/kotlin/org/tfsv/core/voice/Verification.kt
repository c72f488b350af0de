package org.tfsv.core.voice

/**
 * An answer to "is it the same voice?".
 *
 * @property score of the kind that [Scorer.scale] says.
 * @property threshold score from which on the voice is accepted.
 */
class Verification(val score: Double, val threshold: Double) {
    /** Whether the voice is accepted. */
    val accepted: Boolean get() = score >= threshold

    companion object {
        /** Compares an utterance with who was enrolled. */
        fun of(scorer: Scorer, enrolled: Voice, heard: Voice, threshold: Double): Verification =
            Verification(scorer.score(enrolled, heard), threshold)
    }
}
