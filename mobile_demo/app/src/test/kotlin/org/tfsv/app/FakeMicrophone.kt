package org.tfsv.app

import java.io.File
import java.util.concurrent.atomic.AtomicInteger
import kotlin.math.min
import org.robolectric.shadows.ShadowAudioRecord
import org.tfsv.core.audio.Wav

/** What Android's AudioRecord hears in a test: golden utterances as fast as they are read. */
internal object FakeMicrophone : ShadowAudioRecord.AudioRecordSource {
    private val golden = File(System.getProperty("tfsv.golden") ?: "../golden")
    private val next = AtomicInteger()
    private val asked = AtomicInteger()

    @Volatile
    private var sound = ShortArray(0)

    /** How often it was read since the last [speak] or [mute]. */
    val reads: Int get() = asked.get()

    /** Whether all was heard. */
    val silent: Boolean get() = next.get() >= sound.size

    /** Speaks utterances of the golden files, one after the other, [gain] times as loud. */
    fun speak(vararg names: String, gain: Float = 1f) {
        val samples = recorded(*names)
        play(FloatArray(samples.size) { samples[it] * gain })
    }

    /** What [speak] says. */
    fun recorded(vararg names: String): FloatArray = names.flatMap { name ->
        Wav.read(File(golden, "$name.wav").readBytes(), name).samples.asList()
    }.toFloatArray()

    /** Says nothing. */
    fun mute() {
        play(FloatArray(0))
    }

    override fun readInShortArray(
        audioData: ShortArray,
        offsetInShorts: Int,
        sizeInShorts: Int,
        isBlocking: Boolean,
    ): Int {
        val start = next.get()
        val count = min(sizeInShorts, sound.size - start)
        sound.copyInto(audioData, offsetInShorts, start, start + count)
        next.addAndGet(count)
        // Not silence but nothing: what is recorded does not depend on when the test stops it.
        if (count == 0) Thread.sleep(PAUSE_MILLISECONDS)
        asked.incrementAndGet()
        return count
    }

    private fun play(samples: FloatArray) {
        sound = ShortArray(samples.size) {
            (samples[it] * FULL_SCALE).coerceIn(-FULL_SCALE, FULL_SCALE - 1).toInt().toShort()
        }
        next.set(0)
        asked.set(0)
        ShadowAudioRecord.setSourceProvider { this }
    }

    private const val FULL_SCALE = 32768f
    private const val PAUSE_MILLISECONDS = 10L
}
