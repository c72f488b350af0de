package org.tfsv.core.audio

import kotlin.math.PI
import kotlin.math.sin
import org.junit.Assert.assertEquals
import org.junit.Assert.assertNull
import org.junit.Assert.assertTrue
import org.junit.Test
import org.tfsv.core.Sounds

class QualityTest {
    @Test
    fun `speech is good`() {
        val quality = Quality.measure(Sounds.speech(3.0))
        assertNull(quality.problem())
        assertEquals(3.0, quality.seconds, 1e-9)
        assertTrue("${quality.usableFraction}", quality.usableFraction in 0.6..0.85)
        assertEquals(0.0, quality.clippedFraction, 0.0)
    }

    @Test
    fun `speech in noise is measured alike`() {
        val clean = Sounds.speech(3.0)
        val noise = Sounds.noise(3.0, 0.005)
        val noisy = Quality.measure(FloatArray(clean.size) { clean[it] + noise[it] })
        assertNull(noisy.problem())
        assertEquals(Quality.measure(clean).speechSeconds, noisy.speechSeconds, 0.4)
    }

    @Test
    fun `one second is too short, however long the silence around it`() {
        val silence = FloatArray(4 * Recording.MODEL_RATE)
        val sound = silence + Sounds.speech(1.0) + silence
        assertEquals(Problem.TOO_SHORT, Quality.measure(sound).problem())
        assertEquals(Problem.TOO_SHORT, Quality.measure(Sounds.speech(1.0)).problem())
    }

    @Test
    fun `a hiss is no speech`() {
        val quality = Quality.measure(Sounds.noise(4.0, 0.05))
        assertEquals(0.0, quality.speechSeconds, 0.0)
        assertEquals(Problem.TOO_SHORT, quality.problem())
    }

    @Test
    fun `a whisper far away is too quiet`() {
        val quality = Quality.measure(Sounds.speech(3.0, amplitude = 0.004))
        assertEquals(Problem.TOO_QUIET, quality.problem())
    }

    @Test
    fun `an overdriven microphone is noticed`() {
        val loud = Sounds.speech(3.0, amplitude = 3.0)
        val clipped = FloatArray(loud.size) { loud[it].coerceIn(-1f, 32767f / 32768f) }
        assertEquals(Problem.CLIPPED, Quality.measure(clipped).problem())
    }

    @Test
    fun `nothing at all has no level`() {
        for (silence in listOf(FloatArray(0), FloatArray(10), FloatArray(48000))) {
            val quality = Quality.measure(silence)
            assertEquals(Quality.SILENCE, quality.level, 0.0)
            assertEquals(0.0, quality.usableFraction, 0.0)
            assertEquals(Problem.TOO_QUIET, quality.problem())
        }
    }

    @Test
    fun `a full sine has a level of -3 dB`() {
        val sine = FloatArray(16000) { sin(2 * PI * 440 * it / 16000).toFloat() }
        assertEquals(-3.01, Quality.level(sine), 0.01)
        assertEquals(-9.03, Quality.level(FloatArray(16000) { sine[it] / 2 }, 0, 8000), 0.01)
    }
}
