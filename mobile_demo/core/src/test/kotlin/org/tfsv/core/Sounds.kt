package org.tfsv.core

import java.util.Random
import kotlin.math.PI
import kotlin.math.sin

/** Sound for tests, 16 kHz. */
internal object Sounds {
    private const val RATE = 16000
    private const val SYLLABLE = 0.2 // seconds
    private const val PAUSE = 0.05

    /** Syllables of a harmonic tone with short pauses and a little noise, like someone talking. */
    fun speech(seconds: Double, amplitude: Double = 0.2, pitch: Double = 120.0): FloatArray {
        val random = Random(1)
        return FloatArray((seconds * RATE).toInt()) {
            val time = it.toDouble() / RATE
            val within = time % (SYLLABLE + PAUSE)
            val envelope = if (within < SYLLABLE) sin(PI * within / SYLLABLE) else 0.0
            val tone = (1..8).sumOf { k -> sin(2 * PI * k * pitch * time) / k }
            (amplitude * envelope * tone / 2 + 0.0005 * random.nextGaussian()).toFloat()
        }
    }

    /** Noise of a constant level. */
    fun noise(seconds: Double, amplitude: Double): FloatArray {
        val random = Random(2)
        return FloatArray((seconds * RATE).toInt()) {
            (amplitude * random.nextGaussian()).toFloat()
        }
    }
}
