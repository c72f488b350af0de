package org.tfsv.core.voice

import kotlin.math.sin
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Test
import org.tfsv.core.BadInput
import org.tfsv.core.Sounds

class LongRecordingTest {
    /** Gives (first sample, 1), so that one sees which windows it heard. */
    private class Listener(private val answer: FloatArray? = null) : Embedder {
        val lengths = ArrayList<Int>()
        override val size = 2

        override fun embed(waveform: FloatArray): FloatArray {
            lengths.add(waveform.size)
            return answer ?: floatArrayOf(waveform[0], 1f)
        }

        override fun close() = Unit
    }

    @Test
    fun `twenty seconds are embedded whole`() {
        val listener = Listener()
        val embedding = LongRecording.embed(listener, FloatArray(320_000) { hum(it) + 3f })
        assertEquals(listOf(320_000), listener.lengths)
        assertArrayEquals(floatArrayOf(3f, 1f), embedding, 0f)
    }

    @Test
    fun `longer ones are cut as numpy's array_split does`() {
        val listener = Listener()
        LongRecording.embed(listener, FloatArray(640_001) { hum(it) })
        assertEquals(listOf(213_334, 213_334, 213_333), listener.lengths)
        assertEquals(
            listOf(0..160_000, 160_001..320_000),
            LongRecording.windows(320_001),
        )
    }

    @Test
    fun `the embedding is the normalised mean of the windows`() {
        // Windows (0.75, 1) and (-0.75, 1), of directions (0.6, 0.8) and (-0.6, 0.8).
        val sound = FloatArray(400_000) { hum(it) + if (it < 200_000) 0.75f else -0.75f }
        val embedding = LongRecording.embed(Listener(), sound)
        // 1250 and 1248 frames, since the last ones are not whole.
        assertArrayEquals(floatArrayOf(0.0006f, 1f), embedding, 1e-4f)
    }

    @Test
    fun `windows without speech are left out`() {
        val listener = Listener()
        val speech = Sounds.speech(10.0)
        LongRecording.embed(listener, FloatArray(320_000) + speech + Sounds.noise(20.0, 1e-4))
        assertEquals(listOf(266_667), listener.lengths)
    }

    @Test
    fun `silence is refused`() {
        val listener = Listener()
        for (sound in listOf(FloatArray(16_000), FloatArray(640_000) { 0.1f })) {
            assertThrows(BadInput::class.java) { LongRecording.embed(listener, sound) }
        }
        assertEquals(0, listener.lengths.size)
    }

    @Test
    fun `what cannot be heard is refused`() {
        val listener = Listener()
        for (sound in listOf(FloatArray(0), FloatArray(399), FloatArray(500) { Float.NaN })) {
            assertThrows(BadInput::class.java) { LongRecording.embed(listener, sound) }
        }
        assertEquals(0, listener.lengths.size)
    }

    @Test
    fun `a model that gives nothing is refused`() {
        val sound = FloatArray(1000) { hum(it) }
        for (answer in listOf(floatArrayOf(0f, 0f), floatArrayOf(Float.NaN, 1f))) {
            assertThrows(BadInput::class.java) { LongRecording.embed(Listener(answer), sound) }
        }
    }

    private fun hum(sample: Int) = if (sample % 160 == 0) 0f else 0.1f * sin(0.5f * sample)
}
