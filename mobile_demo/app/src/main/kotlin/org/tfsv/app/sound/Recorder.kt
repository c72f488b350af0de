package org.tfsv.app.sound

import java.io.IOException
import kotlin.math.roundToInt
import org.tfsv.core.audio.Pcm
import org.tfsv.core.audio.Quality
import org.tfsv.core.audio.Recording

/** Records one utterance, which ends when there was enough speech. */
class Recorder(private val source: SoundSource) {
    /**
     * How far a recording is.
     *
     * @property level of the last tenth of a second, 0 to 1.
     * @property speechSeconds speech so far.
     * @property usablePercent share of the sound so far that was speech.
     */
    class Progress(val level: Float, val speechSeconds: Double, val usablePercent: Int)

    /**
     * Records until there are [ENOUGH_SECONDS] of speech, or [LONGEST_SECONDS] of sound, or the
     * source ends, or somebody stops it.
     *
     * @param goOn asked ten times a second.
     * @param heard told ten times a second.
     * @throws IOException the source cannot be listened to.
     */
    @Throws(IOException::class)
    fun record(goOn: () -> Boolean, heard: (Progress) -> Unit): FloatArray {
        val sound = FloatArray(LONGEST_SECONDS * Recording.MODEL_RATE)
        val block = ShortArray(BLOCK)
        var count = 0
        var quality = Quality.measure(FloatArray(0))
        var blocks = 0
        source.open().use { stream ->
            while (goOn() && count < sound.size && quality.speechSeconds < ENOUGH_SECONDS) {
                val read = minOf(stream.read(block), sound.size - count)
                if (read < 0) break
                Pcm.toFloat(block, read).copyInto(sound, count)
                count += read
                blocks++
                if (blocks % BLOCKS_BETWEEN_MEASUREMENTS == 0) {
                    quality = Quality.measure(sound.copyOf(count))
                }
                heard(progress(Quality.level(sound, count - read, count), quality))
            }
        }
        return sound.copyOf(count)
    }

    private fun progress(level: Double, quality: Quality) = Progress(
        ((level - QUIETEST) / -QUIETEST).coerceIn(0.0, 1.0).toFloat(),
        quality.speechSeconds,
        (PERCENT * quality.usableFraction).roundToInt(),
    )

    companion object {
        /** Seconds of speech after which a recording ends by itself. */
        const val ENOUGH_SECONDS: Double = 4.0

        /** Seconds after which it ends anyway. */
        const val LONGEST_SECONDS: Int = 15

        private const val BLOCK = Recording.MODEL_RATE / 10
        private const val BLOCKS_BETWEEN_MEASUREMENTS = 5
        private const val QUIETEST = -60.0 // dB of full scale, the left end of the meter
        private const val PERCENT = 100
    }
}
