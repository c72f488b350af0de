package org.tfsv.core.audio

import kotlin.math.abs
import kotlin.math.log10
import kotlin.math.max
import kotlin.math.min

/**
 * How usable an utterance is.
 *
 * All limits are ours, set for a telephone held as one speaks into it; the literature on speaker
 * verification measures on recordings that were chosen beforehand.
 *
 * @property seconds length.
 * @property speechSeconds length of what sounds like speech.
 * @property level of the louder parts, dB of full scale; see [measure].
 * @property clippedFraction share of the samples at full scale.
 */
class Quality(
    val seconds: Double,
    val speechSeconds: Double,
    val level: Double,
    val clippedFraction: Double,
) {
    /** Share of the recording that sounds like speech, 0 to 1. */
    val usableFraction: Double get() = if (seconds > 0) speechSeconds / seconds else 0.0

    /** What is wrong with the utterance; null where nothing is. */
    fun problem(): Problem? = when {
        clippedFraction > MAXIMUM_CLIPPED -> Problem.CLIPPED
        level < MINIMUM_LEVEL -> Problem.TOO_QUIET
        speechSeconds < MINIMUM_SPEECH_SECONDS -> Problem.TOO_SHORT
        else -> null
    }

    companion object {
        /** Seconds of speech. */
        const val MINIMUM_SPEECH_SECONDS: Double = 1.5

        /** dB of full scale; speech at arm's length is some 20 dB above it. */
        const val MINIMUM_LEVEL: Double = -45.0

        /** Share of the samples. */
        const val MAXIMUM_CLIPPED: Double = 0.002

        /** The level of digital silence. */
        const val SILENCE: Double = -100.0

        private const val FRAME = Recording.MODEL_RATE / 50
        private const val FRAME_SECONDS = FRAME.toDouble() / Recording.MODEL_RATE
        private const val CLIPPED_SAMPLE = 32700f / 32768f
        private const val LOUD = 0.95 // quantiles of the frames' levels
        private const val FLOOR = 0.10
        private const val ABOVE_FLOOR = 6.0 // dB
        private const val BELOW_LOUD = 30.0
        private const val LOWEST_SPEECH = -55.0

        /**
         * Measures an utterance.
         *
         * Frames of 20 ms have levels. The 95th percentile of these is the utterance's level, the
         * 10th its floor. A frame sounds like speech if it is within 30 dB of the level, above
         * -55 dB, and 6 dB above the floor. A sound whose level and floor differ by less than 6 dB
         * is a hum or a hiss and no speech.
         *
         * @param samples 16 kHz, -1 to 1.
         */
        fun measure(samples: FloatArray): Quality {
            val seconds = samples.size.toDouble() / Recording.MODEL_RATE
            val levels = DoubleArray(samples.size / FRAME) {
                level(samples, it * FRAME, (it + 1) * FRAME)
            }
            if (levels.isEmpty()) return Quality(seconds, 0.0, SILENCE, 0.0)
            val sorted = levels.sortedArray()
            val loud = sorted.quantile(LOUD)
            val floor = sorted.quantile(FLOOR)
            val lowest = max(LOWEST_SPEECH, max(loud - BELOW_LOUD, floor + ABOVE_FLOOR))
            val clipped = samples.count { abs(it) >= CLIPPED_SAMPLE }
            return Quality(
                seconds,
                speechSeconds = levels.count { it >= lowest } * FRAME_SECONDS,
                level = loud,
                clippedFraction = clipped.toDouble() / samples.size,
            )
        }

        /** The level of samples [start] until [end], dB of full scale, at least [SILENCE]. */
        fun level(samples: FloatArray, start: Int = 0, end: Int = samples.size): Double {
            var energy = 0.0
            for (i in start until end) energy += samples[i].toDouble() * samples[i]
            val power = energy / max(1, end - start)
            return max(SILENCE, 10 * log10(max(power, Double.MIN_VALUE)))
        }

        private fun DoubleArray.quantile(part: Double): Double =
            this[min(size - 1, (part * size).toInt())]
    }
}
