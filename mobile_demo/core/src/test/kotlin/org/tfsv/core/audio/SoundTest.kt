package org.tfsv.core.audio

import kotlin.math.log10
import kotlin.math.sin
import kotlin.math.sqrt
import org.json.JSONObject
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Test
import org.tfsv.core.BadInput
import org.tfsv.core.Goldens

class SoundTest {
    @Test
    fun `seconds and levels are Python's`() {
        val index = JSONObject(Goldens.read("goldens.json").toString(Charsets.UTF_8))
        val names = index.getJSONArray("utterances")
        val sounds = index.getJSONArray("sounds")
        for (i in 0 until names.length()) {
            val name = names.getString(i)
            val sound = Sound.of(Wav.read(Goldens.read(name), name).forModel())
            val wanted = sounds.getJSONObject(i)
            assertEquals(name, wanted.getDouble("seconds"), sound.seconds, 1e-9)
            // Python adds up squares of 32 bits where that is exact enough.
            assertEquals(name, wanted.getDouble("level"), sound.level, 1e-5)
        }
    }

    @Test
    fun `a tone between silences has its own level`() {
        val sound = FloatArray(16_000) + tone(32_000, 0.2) + FloatArray(48_000)
        val heard = Sound.of(sound)
        assertEquals(2.0, heard.seconds, 0.05)
        assertEquals(20 * log10(0.2), heard.level, 0.3)
        assertEquals(heard.level - 20, Sound.of(tone(32_000, 0.02)).level, 0.3)
    }

    @Test
    fun `silence has no sound`() {
        for (silence in listOf(FloatArray(0), FloatArray(8000), FloatArray(8000) { 0.1f })) {
            assertThrows(BadInput::class.java) { Sound.of(silence) }
        }
    }

    @Test
    fun `seconds add up and levels are averaged`() {
        val joined = Sound.joined(listOf(Sound(1.0, -20.0), Sound(2.0, -30.0)))
        assertEquals(3.0, joined.seconds, 1e-12)
        assertEquals(-25.0, joined.level, 1e-12)
    }

    /** A tone of so many samples and this root mean square. */
    private fun tone(samples: Int, level: Double) =
        FloatArray(samples) { (level * sqrt(2.0) * sin(it / 8.0)).toFloat() }
}
