package org.tfsv.app

import java.io.File
import java.util.concurrent.atomic.AtomicInteger
import kotlin.math.min
import org.robolectric.shadows.ShadowAudioRecord
import org.tfsv.core.audio.Recording
import org.tfsv.core.audio.Wav

/** What Android's AudioRecord hears in a test: golden utterances as fast as they are read. */
internal object FakeMicrophone : ShadowAudioRecord.AudioRecordSource {
    private val golden = File(System.getProperty("tfsv.golden") ?: "../golden")
    private val next = AtomicInteger()

    @Volatile
    private var sound = ShortArray(0)

    /** Samples that were asked for since the last [speak] or [mute]. */
    val heard: Int get() = next.get()

    /** Whether all was heard. */
    val silent: Boolean get() = heard >= sound.size

    /** Speaks utterances of the golden files, one after the other, [gain] times as loud. */
    fun speak(vararg names: String, gain: Float = 1f) {
        val samples = recorded(*names)
        play(FloatArray(samples.size) { samples[it] * gain })
    }

    /** What [speak] says. */
    fun recorded(vararg names: String): FloatArray = names.flatMap { name ->
        Wav.read(File(golden, "$name.wav").readBytes(), name).samples.asList()
    }.toFloatArray()

    /** Is silent. */
    fun mute() {
        play(FloatArray(0))
    }

    override fun readInShortArray(
        audioData: ShortArray,
        offsetInShorts: Int,
        sizeInShorts: Int,
        isBlocking: Boolean,
    ): Int {
        val start = min(next.getAndAdd(sizeInShorts), sound.size)
        val count = min(sizeInShorts, sound.size - start)
        sound.copyInto(audioData, offsetInShorts, start, start + count)
        audioData.fill(0, offsetInShorts + count, offsetInShorts + sizeInShorts)
        // Silence takes its time, or a recording would be full of it before a test can stop it.
        if (count == 0) Thread.sleep(1000L * sizeInShorts / Recording.MODEL_RATE)
        return sizeInShorts
    }

    private fun play(samples: FloatArray) {
        sound = ShortArray(samples.size) {
            (samples[it] * FULL_SCALE).coerceIn(-FULL_SCALE, FULL_SCALE - 1).toInt().toShort()
        }
        next.set(0)
        ShadowAudioRecord.setSourceProvider { this }
    }

    private const val FULL_SCALE = 32768f
}
