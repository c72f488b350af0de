package org.tfsv.core.voice

import kotlin.math.sqrt
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertNotEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test
import org.tfsv.core.Goldens
import org.tfsv.core.audio.Problem
import org.tfsv.core.audio.Quality
import org.tfsv.core.audio.Sound
import org.tfsv.core.model.ModelFile
import org.tfsv.core.voice.Enrolment.Outcome

class EnrolmentTest {
    private val good = Quality(3.0, 2.5, -20.0, 0.0)

    @Test
    fun `three utterances make the direction of their mean`() {
        val enrolment = Enrolment(Scorer.COSINE, threshold = -1.0)
        val utterances = listOf(vector(1f, 0f), vector(0f, 3f), vector(4f, 3f))
        for ((index, utterance) in utterances.withIndex()) {
            assertFalse(enrolment.complete)
            assertEquals(index + 1, accepted(enrolment.add(Voice(utterance, null), good)))
        }
        assertTrue(enrolment.complete)
        // Directions (1, 0), (0, 1) and (0.8, 0.6): their sum is (1.8, 1.6).
        val length = sqrt(1.8 * 1.8 + 1.6 * 1.6)
        val wanted = floatArrayOf((1.8 / length).toFloat(), (1.6 / length).toFloat())
        assertArrayEquals(wanted, enrolment.voice().embedding, 1e-7f)
    }

    @Test
    fun `another voice is refused and the others are kept`() {
        val enrolment = Enrolment(Scorer.COSINE, threshold = 0.6)
        enrolment.add(voice(1f, 0.1f), good)
        enrolment.add(voice(1f, -0.1f), good)
        val before = enrolment.voice().embedding
        assertEquals(Problem.DOES_NOT_MATCH, refused(enrolment.add(voice(0.1f, 1f), good)))
        assertEquals(2, enrolment.count)
        assertArrayEquals(before, enrolment.voice().embedding, 0f)
        assertEquals(3, accepted(enrolment.add(voice(1f, 0f), good)))
        assertTrue(enrolment.complete)
    }

    @Test
    fun `bad recordings are refused with the reason`() {
        val enrolment = Enrolment(Scorer.COSINE, threshold = 0.5)
        val bad = mapOf(
            Problem.TOO_SHORT to Quality(3.0, 1.0, -20.0, 0.0),
            Problem.TOO_QUIET to Quality(3.0, 2.5, -50.0, 0.0),
            Problem.CLIPPED to Quality(3.0, 2.5, -3.0, 0.1),
        )
        for ((problem, quality) in bad) {
            assertEquals(problem, refused(enrolment.add(voice(1f, 0f), quality)))
        }
        assertEquals(0, enrolment.count)
        assertThrows(IllegalStateException::class.java) { enrolment.voice().embedding }
    }

    @Test
    fun `the caller's vector may be used again`() {
        val enrolment = Enrolment(Scorer.COSINE, threshold = 0.5)
        val vector = vector(1f, 0f)
        enrolment.add(Voice(vector, null), good)
        vector[1] = 9f
        assertArrayEquals(floatArrayOf(1f, 0f), enrolment.voice().embedding, 0f)
        enrolment.clear()
        assertEquals(0, enrolment.count)
    }

    @Test
    fun `the sound of all utterances is kept, and the model's scores decide`() {
        val file = ModelFile.read(Goldens.read("packed_4bit.tflite"), "a")
        val scorer = Scorer.of(file)
        val cohort = checkNotNull(file.cohort)
        val (first, second) = listOf(0, 1).map { vector ->
            val embedding = FloatArray(32) { cohort.value(vector, it).toFloat() }
            Voice(embedding, Sound(1.5, -20.0 - vector))
        }
        val score = scorer.score(first, second)
        assertNotEquals(Scoring.cosine(first.embedding, second.embedding), score, 0.01)
        val kept = Enrolment(scorer, threshold = score - 1e-6)
        kept.add(first, good)
        assertEquals(2, accepted(kept.add(second, good)))
        val sound = checkNotNull(kept.voice().sound)
        assertEquals(listOf(3.0, -20.5), listOf(sound.seconds, sound.level))
        val left = Enrolment(scorer, threshold = score + 1e-3)
        left.add(first, good)
        assertEquals(Problem.DOES_NOT_MATCH, refused(left.add(second, good)))
    }

    private fun vector(vararg values: Float) = values

    private fun voice(vararg values: Float) = Voice(values, null)

    private fun accepted(outcome: Outcome) = (outcome as Outcome.Accepted).count

    private fun refused(outcome: Outcome) = (outcome as Outcome.Refused).problem
}
