package org.tfsv.core.audio

import org.json.JSONObject
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Test
import org.tfsv.core.Goldens
import org.tfsv.core.Sounds

class SoundingTest {
    @Test
    fun `as many frames as in Python hold sound`() {
        val index = JSONObject(Goldens.read("goldens.json").toString(Charsets.UTF_8))
        val names = index.getJSONArray("utterances")
        val sounds = index.getJSONArray("sounds")
        assertEquals(6, sounds.length())
        var silent = 0
        for (i in 0 until names.length()) {
            val name = names.getString(i)
            val frames = Sounding.frames(Wav.read(Goldens.read(name), name).forModel())
            val seconds = sounds.getJSONObject(i).getDouble("seconds")
            assertEquals(name, 100 * seconds, frames.count { it }.toDouble(), 1e-9)
            silent += frames.count { !it }
        }
        assertTrue("$silent", silent > 4 * 30)
    }

    @Test
    fun `silence around speech is found at any level`() {
        val speech = Sounds.speech(2.0)
        val sound = FloatArray(16_000) + speech + Sounds.noise(1.0, 1e-4)
        val found = Sounding.frames(sound)
        assertEquals(398, found.size)
        assertFalse(found.take(97).any { it })
        assertTrue(found.slice(100..290).all { it })
        assertFalse(found.takeLast(75).any { it })
        val quiet = FloatArray(sound.size) { 0.01f * sound[it] }
        assertArrayEquals(found, Sounding.frames(quiet))
    }

    @Test
    fun `zeros, an offset and clicks hold no sound`() {
        val clicks = FloatArray(16_000)
        for (place in 4000 until 16_000 step 8000) clicks.fill(0.5f, place, place + 20)
        for (sound in listOf(FloatArray(0), FloatArray(16_000), FloatArray(16_000) { 0.1f }, clicks)) {
            assertFalse(Sounding.frames(sound).any { it })
        }
    }
}
