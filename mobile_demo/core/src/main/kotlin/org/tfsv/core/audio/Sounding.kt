package org.tfsv.core.audio

import kotlin.math.max
import kotlin.math.min
import kotlin.math.pow
import kotlin.math.sqrt

/**
 * Which frames of a waveform hold sound, and which are silence.
 *
 * It is `tfsv/audio/sounding.py` of the Python package, whose first lines explain it. The models
 * have the same detector in their graphs; here it weighs the windows of long recordings.
 */
object Sounding {
    /** Samples of a frame, 25 ms. */
    const val FRAME_SAMPLES: Int = 400

    /** Samples from the start of a frame to that of the next one, 10 ms. */
    const val HOP_SAMPLES: Int = 160

    private const val BLOCK = 80
    private const val FRAME_BLOCKS = FRAME_SAMPLES / BLOCK
    private const val HOP_BLOCKS = HOP_SAMPLES / BLOCK
    private const val SILENCE_DB = 45.0
    private const val NOTHING_DB = 15.0
    private const val RUN = 5
    private const val HANGOVER = 10
    private const val OF_FOURTH_ROOTS = 40.0 // a tenth of it for powers

    /** Says of each frame of a waveform of 16 kHz and any level whether it holds sound. */
    fun frames(waveform: FloatArray): BooleanArray = frames(powers(waveform))

    /** Says of each frame whether it holds sound, given the [powers] of the frames. */
    internal fun frames(powers: DoubleArray): BooleanArray {
        val roots = powers.map { sqrt(sqrt(it)) }
        val total = roots.sum()
        if (total == 0.0) return BooleanArray(roots.size)
        val level = roots.sumOf { it * it } / total
        val active = BooleanArray(roots.size) { roots[it] > level * ratio(SILENCE_DB) }
        val quiet = BooleanArray(active.size) { !active[it] }
        val nearQuiet = widened(quiet, RUN / 2)
        val runs = BooleanArray(active.size) { !nearQuiet[it] }
        val near = widened(runs, RUN / 2 + HANGOVER)
        val lowest = level * ratio(SILENCE_DB + NOTHING_DB)
        return BooleanArray(active.size) { near[it] && roots[it] > lowest }
    }

    private fun ratio(decibels: Double) = 10.0.pow(-decibels / OF_FOURTH_ROOTS)

    /** The variance of the samples of each frame. */
    internal fun powers(waveform: FloatArray): DoubleArray {
        val blocks = waveform.size / BLOCK
        val sums = DoubleArray(blocks)
        val squares = DoubleArray(blocks)
        for (i in 0 until blocks * BLOCK) {
            val sample = waveform[i].toDouble()
            sums[i / BLOCK] += sample
            squares[i / BLOCK] += sample * sample
        }
        val count = if (blocks < FRAME_BLOCKS) 0 else (blocks - FRAME_BLOCKS) / HOP_BLOCKS + 1
        return DoubleArray(count) {
            var sum = 0.0
            var square = 0.0
            for (block in it * HOP_BLOCKS until it * HOP_BLOCKS + FRAME_BLOCKS) {
                sum += sums[block]
                square += squares[block]
            }
            val mean = sum / FRAME_SAMPLES
            max(0.0, square / FRAME_SAMPLES - mean * mean)
        }
    }

    /** Whether so near a frame, on either side, one of the mask is set. */
    private fun widened(mask: BooleanArray, frames: Int): BooleanArray {
        val before = IntArray(mask.size + 1)
        for (i in mask.indices) before[i + 1] = before[i] + if (mask[i]) 1 else 0
        return BooleanArray(mask.size) {
            before[min(mask.size, it + frames + 1)] > before[max(0, it - frames)]
        }
    }
}
