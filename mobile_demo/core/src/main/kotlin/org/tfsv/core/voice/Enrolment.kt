package org.tfsv.core.voice

import org.tfsv.core.audio.Problem
import org.tfsv.core.audio.Quality

/**
 * Several utterances on their way to a voiceprint.
 *
 * @param scorer how utterances are compared.
 * @param threshold score with the utterances before it, taken together, from which on an utterance
 *   belongs to them. That of equal error rates keeps most strangers out; a stricter one, as for
 *   verification, would also turn away many a person who has only begun to enrol.
 * @property needed utterances of a complete enrolment.
 */
class Enrolment(
    private val scorer: Scorer,
    private val threshold: Double,
    val needed: Int = UTTERANCES,
) {
    private val voices = ArrayList<Voice>()

    /** Utterances that were accepted. */
    val count: Int get() = voices.size

    /** Whether there are enough. */
    val complete: Boolean get() = count >= needed

    /** What became of an utterance. */
    sealed class Outcome {
        /** @property count utterances that were accepted so far. */
        class Accepted(val count: Int) : Outcome()

        /** It is left out; the others are kept. */
        class Refused(val problem: Problem) : Outcome()
    }

    /** Adds an utterance if it is good and sounds like the ones before it. */
    fun add(voice: Voice, quality: Quality): Outcome {
        val problem = quality.problem() ?: mismatch(voice)
        if (problem != null) return Outcome.Refused(problem)
        voices.add(Voice(voice.embedding.copyOf(), voice.sound))
        return Outcome.Accepted(count)
    }

    /** Begins again. */
    fun clear() {
        voices.clear()
    }

    /**
     * The utterances together: the normalised mean of their embeddings, and their sound.
     *
     * @throws IllegalStateException there is no utterance.
     */
    fun voice(): Voice {
        check(voices.isNotEmpty()) { "no utterance was accepted" }
        return Voice.joined(voices)
    }

    private fun mismatch(voice: Voice): Problem? {
        if (voices.isEmpty()) return null
        val alike = scorer.score(voice(), voice) >= threshold
        return if (alike) null else Problem.DOES_NOT_MATCH
    }

    companion object {
        /** Utterances of an enrolment. */
        const val UTTERANCES: Int = 3
    }
}
