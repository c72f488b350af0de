package org.tfsv.core.audio

import kotlin.math.log10
import org.tfsv.core.BadInput

/**
 * How much of somebody was heard; see `tfsv/verification/voices.py`.
 *
 * @property seconds of frames with sound, 10 ms a frame.
 * @property level mean power of these frames, dB; 0 is that of samples of -1 and 1.
 */
class Sound(val seconds: Double, val level: Double) {
    companion object {
        private const val FRAME_SECONDS = Sounding.HOP_SAMPLES.toDouble() / Recording.MODEL_RATE

        /**
         * Measures a recording.
         *
         * @param waveform 16 kHz, -1 to 1, of any length.
         * @throws BadInput no frame has sound.
         */
        fun of(waveform: FloatArray): Sound {
            val powers = Sounding.powers(waveform)
            val frames = Sounding.frames(powers)
            val heard = powers.filterIndexed { frame, _ -> frames[frame] }
            if (heard.isEmpty()) {
                throw BadInput("The recording is silent; speak louder or nearer to the microphone.")
            }
            return Sound(heard.size * FRAME_SECONDS, 10 * log10(heard.average()))
        }

        /** The sound of several recordings: seconds add up, levels are averaged in dB. */
        fun joined(sounds: List<Sound>): Sound =
            Sound(sounds.sumOf { it.seconds }, sounds.map { it.level }.average())
    }
}
