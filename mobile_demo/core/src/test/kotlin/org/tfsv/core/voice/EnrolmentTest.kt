package org.tfsv.core.voice

import kotlin.math.sqrt
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test
import org.tfsv.core.audio.Problem
import org.tfsv.core.audio.Quality
import org.tfsv.core.voice.Enrolment.Outcome

class EnrolmentTest {
    private val good = Quality(3.0, 2.5, -20.0, 0.0)

    @Test
    fun `three utterances make the direction of their mean`() {
        val enrolment = Enrolment(threshold = -1.0)
        val utterances = listOf(vector(1f, 0f), vector(0f, 3f), vector(4f, 3f))
        for ((index, utterance) in utterances.withIndex()) {
            assertFalse(enrolment.complete)
            assertEquals(index + 1, accepted(enrolment.add(utterance, good)))
        }
        assertTrue(enrolment.complete)
        // Directions (1, 0), (0, 1) and (0.8, 0.6): their sum is (1.8, 1.6).
        val length = sqrt(1.8 * 1.8 + 1.6 * 1.6)
        val wanted = floatArrayOf((1.8 / length).toFloat(), (1.6 / length).toFloat())
        assertArrayEquals(wanted, enrolment.voiceprint(), 1e-7f)
    }

    @Test
    fun `another voice is refused and the others are kept`() {
        val enrolment = Enrolment(threshold = 0.6)
        enrolment.add(vector(1f, 0.1f), good)
        enrolment.add(vector(1f, -0.1f), good)
        val before = enrolment.voiceprint()
        assertEquals(Problem.DOES_NOT_MATCH, refused(enrolment.add(vector(0.1f, 1f), good)))
        assertEquals(2, enrolment.count)
        assertArrayEquals(before, enrolment.voiceprint(), 0f)
        assertEquals(3, accepted(enrolment.add(vector(1f, 0f), good)))
        assertTrue(enrolment.complete)
    }

    @Test
    fun `bad recordings are refused with the reason`() {
        val enrolment = Enrolment(threshold = 0.5)
        val bad = mapOf(
            Problem.TOO_SHORT to Quality(3.0, 1.0, -20.0, 0.0),
            Problem.TOO_QUIET to Quality(3.0, 2.5, -50.0, 0.0),
            Problem.CLIPPED to Quality(3.0, 2.5, -3.0, 0.1),
        )
        for ((problem, quality) in bad) {
            assertEquals(problem, refused(enrolment.add(vector(1f, 0f), quality)))
        }
        assertEquals(0, enrolment.count)
        assertThrows(IllegalStateException::class.java) { enrolment.voiceprint() }
    }

    @Test
    fun `the caller's vector may be used again`() {
        val enrolment = Enrolment(threshold = 0.5)
        val vector = vector(1f, 0f)
        enrolment.add(vector, good)
        vector[1] = 9f
        assertArrayEquals(floatArrayOf(1f, 0f), enrolment.voiceprint(), 0f)
        enrolment.clear()
        assertEquals(0, enrolment.count)
    }

    private fun vector(vararg values: Float) = values

    private fun accepted(outcome: Outcome) = (outcome as Outcome.Accepted).count

    private fun refused(outcome: Outcome) = (outcome as Outcome.Refused).problem
}
