package org.tfsv.app.sound

import android.annotation.SuppressLint
import android.media.AudioFormat
import android.media.AudioRecord
import android.media.MediaRecorder
import java.io.IOException
import kotlin.math.max
import org.tfsv.core.audio.Recording

/** The phone's microphone, as it is tuned for the recognition of speech. */
object Microphone : SoundSource {
    private const val CHANNELS = AudioFormat.CHANNEL_IN_MONO
    private const val ENCODING = AudioFormat.ENCODING_PCM_16BIT
    private const val BYTES_A_SECOND = 2 * Recording.MODEL_RATE

    @SuppressLint("MissingPermission") // screens ask for it before they listen
    override fun open(): SoundSource.Stream {
        val least = AudioRecord.getMinBufferSize(Recording.MODEL_RATE, CHANNELS, ENCODING)
        val record = try {
            AudioRecord(
                MediaRecorder.AudioSource.VOICE_RECOGNITION,
                Recording.MODEL_RATE,
                CHANNELS,
                ENCODING,
                max(least, BYTES_A_SECOND),
            )
        } catch (error: IllegalArgumentException) {
            throw IOException(error)
        }
        if (record.state == AudioRecord.STATE_INITIALIZED) record.startRecording()
        if (record.recordingState != AudioRecord.RECORDSTATE_RECORDING) {
            record.release()
            throw IOException("the microphone does not record")
        }
        return Recorded(record)
    }

    private class Recorded(private val record: AudioRecord) : SoundSource.Stream {
        override fun read(buffer: ShortArray): Int {
            val count = record.read(buffer, 0, buffer.size)
            if (count < 0) throw IOException("the microphone failed with $count")
            return count
        }

        override fun close() {
            record.stop()
            record.release()
        }
    }
}
