package org.tfsv.core.voice

import org.tfsv.core.audio.Sound
import org.tfsv.core.people.Voiceprint

/**
 * One side of a comparison: one recording, or several of one person.
 *
 * @property embedding of the recording, or the direction of the mean of several.
 * @property sound what was heard, of all recordings together; null: it is not known.
 */
class Voice(val embedding: FloatArray, val sound: Sound?) {
    companion object {
        /**
         * Listens to a waveform, which [LongRecording.embed] embeds.
         *
         * @param waveform 16 kHz, -1 to 1.
         */
        fun heard(embedder: Embedder, waveform: FloatArray): Voice =
            Voice(LongRecording.embed(embedder, waveform), Sound.of(waveform))

        /** Who was enrolled. */
        fun of(voiceprint: Voiceprint): Voice = Voice(voiceprint.vector, voiceprint.sound)

        /** One side from several recordings of a person; its sound is known if that of each is. */
        fun joined(voices: List<Voice>): Voice {
            val sounds = voices.mapNotNull { it.sound }
            return Voice(
                Vectors.meanDirection(voices.map { it.embedding }),
                if (sounds.size == voices.size) Sound.joined(sounds) else null,
            )
        }
    }
}
