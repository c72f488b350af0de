package org.tfsv.core.voice

import org.tfsv.core.people.Voiceprint

/** Whose voice it may be. */
object Identification {
    /** A person and how alike the voices are. */
    class Candidate(val voiceprint: Voiceprint, val score: Double)

    /** All [people], the most alike first; equal ones by name. */
    fun rank(scorer: Scorer, people: List<Voiceprint>, heard: Voice): List<Candidate> =
        people.map { Candidate(it, scorer.score(Voice.of(it), heard)) }
            .sortedWith(compareByDescending(Candidate::score).thenBy { it.voiceprint.name })
}
