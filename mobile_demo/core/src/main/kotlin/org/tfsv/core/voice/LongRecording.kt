package org.tfsv.core.voice

import org.tfsv.core.BadInput
import org.tfsv.core.audio.Recording
import org.tfsv.core.audio.Sounding

/** Embeds waveforms of any length, as `embed_long` of the Python package does. */
object LongRecording {
    /** The longest stretch that is embedded at once. */
    const val WINDOW_SECONDS: Int = 20

    /** One frame of 25 ms; less than that has no features. */
    const val MINIMUM_SAMPLES: Int = 400

    private const val ENOUGH_FRAMES = 50 // with sound; half a second
    private const val WINDOW = WINDOW_SECONDS * Recording.MODEL_RATE

    /**
     * Embeds a waveform.
     *
     * Up to [WINDOW_SECONDS] it is embedded whole. Beyond, it is cut into the smallest number of
     * equally long windows that fit, and the embedding is the normalised mean of theirs, each
     * weighted with its frames with sound. Windows with less than half a second of sound are left
     * out, unless no window has more.
     *
     * @param waveform 16 kHz, -1 to 1.
     * @return of length 1.
     * @throws BadInput the waveform is too short, silent or not finite, or the model makes nothing
     *   of it.
     */
    fun embed(embedder: Embedder, waveform: FloatArray): FloatArray {
        if (waveform.size < MINIMUM_SAMPLES) {
            throw BadInput("The recording is too short for a model to hear anything; speak longer.")
        }
        if (!waveform.all(Float::isFinite)) {
            throw BadInput("The recording has samples that are no numbers; record it again.")
        }
        val sounding = Sounding.frames(waveform)
        if (sounding.none { it }) {
            throw BadInput("The recording is silent; speak louder or nearer to the microphone.")
        }
        val windows = windows(waveform.size)
        val sound = windows.map { framesIn(sounding, it) }
        val enough = minOf(ENOUGH_FRAMES, sound.max())
        val heard = windows.indices.filter { sound[it] >= enough }
        val embeddings = heard.map { embedWindow(embedder, waveform, windows[it]) }
        if (windows.size == 1) return embeddings.single()
        return Vectors.meanDirection(embeddings, heard.map { sound[it] })
    }

    private fun framesIn(sounding: BooleanArray, part: IntRange): Int =
        sounding.indices.count { sounding[it] && it * Sounding.HOP_SAMPLES in part }

    /** The windows of so many samples: the first ones are a sample longer where it must be. */
    internal fun windows(samples: Int): List<IntRange> {
        val count = maxOf(1, (samples + WINDOW - 1) / WINDOW)
        var start = 0
        return List(count) {
            val length = samples / count + if (it < samples % count) 1 else 0
            (start until start + length).also { start += length }
        }
    }

    private fun embedWindow(embedder: Embedder, waveform: FloatArray, part: IntRange): FloatArray {
        val whole = part.first == 0 && part.last == waveform.lastIndex
        val embedding = embedder.embed(
            if (whole) waveform else waveform.copyOfRange(part.first, part.last + 1),
        )
        if (!embedding.all(Float::isFinite) || embedding.all { it == 0f }) {
            throw BadInput("The model gives no usable embedding; choose another model.")
        }
        return embedding
    }
}
