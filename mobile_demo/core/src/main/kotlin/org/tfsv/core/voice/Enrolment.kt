package org.tfsv.core.voice

import org.tfsv.core.audio.Problem
import org.tfsv.core.audio.Quality

/**
 * Several utterances on their way to a voiceprint.
 *
 * @param threshold cosine with the mean of the utterances before it from which on an utterance
 *   belongs to them. That of equal error rates keeps most strangers out; a stricter one, as for
 *   verification, would also turn away many a person who has only begun to enrol.
 * @property needed utterances of a complete enrolment.
 */
class Enrolment(private val threshold: Double, val needed: Int = UTTERANCES) {
    private val embeddings = ArrayList<FloatArray>()

    /** Utterances that were accepted. */
    val count: Int get() = embeddings.size

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
    fun add(embedding: FloatArray, quality: Quality): Outcome {
        val problem = quality.problem() ?: mismatch(embedding)
        if (problem != null) return Outcome.Refused(problem)
        embeddings.add(embedding.copyOf())
        return Outcome.Accepted(count)
    }

    /** Begins again. */
    fun clear() {
        embeddings.clear()
    }

    /**
     * The normalised mean of the utterances' embeddings.
     *
     * @throws IllegalStateException there is no utterance.
     */
    fun voiceprint(): FloatArray {
        check(embeddings.isNotEmpty()) { "no utterance was accepted" }
        return Vectors.meanDirection(embeddings)
    }

    private fun mismatch(embedding: FloatArray): Problem? {
        if (embeddings.isEmpty()) return null
        val alike = Scoring.cosine(voiceprint(), embedding) >= threshold
        return if (alike) null else Problem.DOES_NOT_MATCH
    }

    companion object {
        /** Utterances of an enrolment. */
        const val UTTERANCES: Int = 3
    }
}
