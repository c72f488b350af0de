package org.tfsv.core.voice

import kotlin.math.sqrt
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test
import org.tfsv.core.BadInput
import org.tfsv.core.people.Voiceprint

class ScoringTest {
    @Test
    fun `the cosine does not see lengths`() {
        val a = floatArrayOf(3f, 4f)
        assertEquals(1.0, Scoring.cosine(a, floatArrayOf(30f, 40f)), 1e-12)
        assertEquals(-1.0, Scoring.cosine(a, floatArrayOf(-0.3f, -0.4f)), 1e-7)
        assertEquals(0.6, Scoring.cosine(a, floatArrayOf(2f, 0f)), 1e-12)
        assertThrows(BadInput::class.java) { Scoring.cosine(a, floatArrayOf(1f)) }
    }

    @Test
    fun `the threshold itself is accepted`() {
        val axis = floatArrayOf(1f, 0f)
        val other = floatArrayOf(1f, 1f)
        val score = 1 / sqrt(2.0)
        assertTrue(verified(axis, axis, 1.0).accepted)
        assertTrue(verified(axis, other, score - 1e-9).accepted)
        assertFalse(verified(axis, other, score + 1e-9).accepted)
    }

    @Test
    fun `people are ranked by score, equal ones by name`() {
        val heard = Voice(floatArrayOf(1f, 0f), null)
        val people = listOf(
            person("Zoe", 0f, 1f),
            person("Bo", 1f, 1f),
            person("Ann", 0f, 2f),
            person("Cy", 1f, 0f),
        )
        val ranked = Identification.rank(Scorer.COSINE, people, heard)
        assertEquals(listOf("Cy", "Bo", "Ann", "Zoe"), ranked.map { it.voiceprint.name })
        assertEquals(1 / sqrt(2.0), ranked[1].score, 1e-12)
        assertEquals(0, Identification.rank(Scorer.COSINE, emptyList(), heard).size)
    }

    @Test
    fun `the threshold is the middle of the scale`() {
        assertEquals(50.0, Scale.COSINE.percent(0.3, 0.3), 1e-9)
        assertEquals(100.0, Scale.COSINE.percent(1.0, 0.3), 1e-9)
        assertEquals(75.0, Scale.COSINE.percent(0.65, 0.3), 1e-9)
        assertEquals(25.0, Scale.COSINE.percent(-0.05, 0.3), 1e-9)
        assertEquals(0.0, Scale.COSINE.percent(-1.0, 0.3), 1e-9)
        assertEquals(50.0, Scale.COSINE.percent(1.0, 1.0), 1e-9)
        assertEquals(0.0, Scale.COSINE.percent(0.99, 1.0), 1e-9)
    }

    @Test
    fun `ratios have no end, the scale ends ten from the threshold`() {
        assertEquals(50.0, Scale.RATIO.percent(3.9, 3.9), 1e-9)
        assertEquals(75.0, Scale.RATIO.percent(8.9, 3.9), 1e-9)
        assertEquals(0.0, Scale.RATIO.percent(-6.1, 3.9), 1e-9)
        for (beyond in listOf(14.0, 1e300)) {
            assertEquals(100.0, Scale.RATIO.percent(beyond, 3.9), 1e-9)
            assertEquals(0.0, Scale.RATIO.percent(-beyond, 3.9), 1e-9)
        }
    }

    private fun verified(enrolled: FloatArray, heard: FloatArray, threshold: Double) =
        Verification.of(Scorer.COSINE, Voice(enrolled, null), Voice(heard, null), threshold)

    private fun person(name: String, vararg vector: Float) =
        Voiceprint(Voiceprint.newId(), name, "00", vector, null, 0)
}
