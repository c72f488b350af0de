package org.tfsv.core.voice

import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Test
import org.tfsv.core.BadInput

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
        val embedding = LongRecording.embed(listener, FloatArray(320_000) { 3f })
        assertEquals(listOf(320_000), listener.lengths)
        assertArrayEquals(floatArrayOf(3f, 1f), embedding, 0f)
    }

    @Test
    fun `longer ones are cut as numpy's array_split does`() {
        val listener = Listener()
        LongRecording.embed(listener, FloatArray(640_001))
        assertEquals(listOf(213_334, 213_334, 213_333), listener.lengths)
        assertEquals(
            listOf(0..160_000, 160_001..320_000),
            LongRecording.windows(320_001),
        )
    }

    @Test
    fun `the embedding is the normalised mean of the windows`() {
        // Windows (0.75, 1) and (-0.75, 1), of directions (0.6, 0.8) and (-0.6, 0.8).
        val sound = FloatArray(400_000) { if (it < 200_000) 0.75f else -0.75f }
        val embedding = LongRecording.embed(Listener(), sound)
        assertArrayEquals(floatArrayOf(0f, 1f), embedding, 1e-7f)
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
        val sound = FloatArray(1000)
        for (answer in listOf(floatArrayOf(0f, 0f), floatArrayOf(Float.NaN, 1f))) {
            assertThrows(BadInput::class.java) { LongRecording.embed(Listener(answer), sound) }
        }
    }
}
