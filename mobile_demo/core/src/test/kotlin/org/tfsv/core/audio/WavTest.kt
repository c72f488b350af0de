package org.tfsv.core.audio

import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.util.Random
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Test
import org.tfsv.core.BadInput

class WavTest {
    @Test
    fun `16 bits become fractions of 32768`() {
        val file = wav(1, 16, 1, 16000, bytes(0, 0x80, 0, 0, 0, 0x40, 0xFF, 0x7F))
        val recording = Wav.read(file, "a.wav")
        assertEquals(16000, recording.rate)
        assertArrayEquals(floatArrayOf(-1f, 0f, 0.5f, 32767f / 32768), recording.forModel(), 0f)
        val pcm = shortArrayOf(-32768, 0, 16384, 32767, 5)
        assertArrayEquals(recording.samples, Pcm.toFloat(pcm, 4), 0f)
    }

    @Test
    fun `24 and 32 bits and floats are read`() {
        val three = wav(1, 24, 1, 16000, bytes(0, 0, 0x80, 0, 0, 0x40))
        assertArrayEquals(floatArrayOf(-1f, 0.5f), Wav.read(three, "a").samples, 0f)
        val four = wav(1, 32, 1, 16000, bytes(0, 0, 0, 0x80, 0, 0, 0, 0x40))
        assertArrayEquals(floatArrayOf(-1f, 0.5f), Wav.read(four, "a").samples, 0f)
        val floats = wav(3, 32, 1, 16000, bytes(0, 0, 0, 0x3F))
        assertArrayEquals(floatArrayOf(0.5f), Wav.read(floats, "a").samples, 0f)
    }

    @Test
    fun `floats beyond 1 are not clipped`() {
        val floats = wav(3, 32, 1, 16000, bytes(0, 0, 0x80, 0x40, 0, 0, 0x80, 0xC0))
        assertArrayEquals(floatArrayOf(4f, -4f), Wav.read(floats, "a").samples, 0f)
    }

    @Test
    fun `channels become their mean`() {
        val file = wav(1, 16, 2, 8000, bytes(0, 0x40, 0, 0, 0, 0x40, 0, 0x40))
        assertArrayEquals(floatArrayOf(0.25f, 0.5f), Wav.read(file, "a.wav").samples, 0f)
    }

    @Test
    fun `other chunks are passed over and lengths that are too large are cut`() {
        val list = "LIST".toByteArray() + little(3) + bytes(1, 2, 3, 0)
        val file = wav(1, 16, 1, 16000, bytes(0, 0x40, 0, 0), before = list, declared = -1)
        assertArrayEquals(floatArrayOf(0.5f, 0f), Wav.read(file, "a.wav").samples, 0f)
    }

    @Test
    fun `another rate is refused when a model is to hear it`() {
        val recording = Wav.read(wav(1, 16, 1, 44100, bytes(0, 0)), "a.wav")
        val error = assertThrows(BadInput::class.java) { recording.forModel() }
        assertEquals("The recording has 44100 samples a second; record it at 16000.", error.message)
    }

    @Test
    fun `what is no sound is refused by name`() {
        val good = wav(1, 16, 1, 16000, bytes(0, 0))
        val files = listOf(
            ByteArray(0),
            "RIFF".toByteArray(),
            ByteArray(100),
            good.copyOf(12),
            good.copyOf(30),
            good.copyOf(40),
            wav(1, 8, 1, 16000, bytes(0, 0)),
            wav(2, 16, 1, 16000, bytes(0, 0)),
            wav(1, 16, 0, 16000, bytes(0, 0)),
            wav(1, 16, 1, 0, bytes(0, 0)),
            wav(3, 16, 1, 16000, bytes(0, 0)),
        )
        for (file in files) {
            val error = assertThrows(BadInput::class.java) { Wav.read(file, "a.wav") }
            assertEquals("a.wav", error.message?.substringBefore(" "))
        }
    }

    @Test
    fun `no damage does anything else than be refused`() {
        val good = wav(1, 16, 2, 16000, ByteArray(400), before = "LIST".toByteArray() + little(0))
        val random = Random(3)
        repeat(20_000) {
            val file = good.copyOf(good.size - random.nextInt(3) * random.nextInt(100))
            repeat(1 + random.nextInt(4)) {
                file[random.nextInt(minOf(64, file.size))] = random.nextInt().toByte()
            }
            try {
                assertEquals(true, Wav.read(file, "a.wav").samples.size <= 200)
            } catch (refused: BadInput) {
                assertEquals("a.wav", refused.message?.substringBefore(" "))
            }
        }
    }

    private fun wav(
        kind: Int,
        bits: Int,
        channels: Int,
        rate: Int,
        data: ByteArray,
        before: ByteArray = ByteArray(0),
        declared: Int = data.size,
    ): ByteArray {
        val format = ByteBuffer.allocate(16).order(ByteOrder.LITTLE_ENDIAN)
            .putShort(kind.toShort()).putShort(channels.toShort())
            .putInt(rate).putInt(rate * channels * bits / 8)
            .putShort((channels * bits / 8).toShort()).putShort(bits.toShort()).array()
        return "RIFF".toByteArray() + little(0) + "WAVEfmt ".toByteArray() + little(16) + format +
            before + "data".toByteArray() + little(declared) + data
    }

    private fun little(value: Int) =
        ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(value).array()

    private fun bytes(vararg values: Int) = ByteArray(values.size) { values[it].toByte() }
}
