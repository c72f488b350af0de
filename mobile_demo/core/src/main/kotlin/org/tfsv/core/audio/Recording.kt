package org.tfsv.core.audio

import org.tfsv.core.BadInput

/**
 * Sound of one channel.
 *
 * @property samples -1 to 1.
 * @property rate samples a second.
 */
class Recording(val samples: FloatArray, val rate: Int) {
    /** Length in seconds. */
    val seconds: Double get() = samples.size.toDouble() / rate

    /**
     * The samples, if a model can hear them.
     *
     * @throws BadInput the rate is not [MODEL_RATE].
     */
    fun forModel(): FloatArray {
        if (rate != MODEL_RATE) {
            throw BadInput("The recording has $rate samples a second; record it at $MODEL_RATE.")
        }
        return samples
    }

    companion object {
        /** Samples a second that every model takes. */
        const val MODEL_RATE: Int = 16000
    }
}
