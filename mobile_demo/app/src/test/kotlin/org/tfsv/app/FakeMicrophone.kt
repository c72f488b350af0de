package org.tfsv.app

import java.util.concurrent.atomic.AtomicInteger
import kotlin.math.min
import org.robolectric.shadows.ShadowAudioRecord

/** What Android's AudioRecord hears in a test, as fast as it is read. */
internal object FakeMicrophone : ShadowAudioRecord.AudioRecordSource {
    private val next = AtomicInteger()
    private val asked = AtomicInteger()

    @Volatile
    private var sound = ShortArray(0)

    /** How often it was read since the last [speak] or [mute]. */
    val reads: Int get() = asked.get()

    /** Whether all was heard. */
    val silent: Boolean get() = next.get() >= sound.size

    /** Speaks [samples] of 16 kHz. */
    fun speak(samples: FloatArray) {
        sound = ShortArray(samples.size) {
            (samples[it] * FULL_SCALE).coerceIn(-FULL_SCALE, FULL_SCALE - 1).toInt().toShort()
        }
        next.set(0)
        asked.set(0)
        ShadowAudioRecord.setSourceProvider { this }
    }

    /** Says nothing. */
    fun mute() {
        speak(FloatArray(0))
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

    private const val FULL_SCALE = 32768f
    private const val PAUSE_MILLISECONDS = 10L
}
