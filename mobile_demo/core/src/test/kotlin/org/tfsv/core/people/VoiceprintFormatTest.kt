package org.tfsv.core.people

import java.nio.ByteBuffer
import java.nio.ByteOrder
import javax.crypto.Cipher
import javax.crypto.SecretKey
import javax.crypto.spec.GCMParameterSpec
import javax.crypto.spec.SecretKeySpec
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertNotEquals
import org.junit.Assert.assertNull
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test
import org.tfsv.core.BadInput
import org.tfsv.core.audio.Sound
import org.tfsv.core.hexToBytes

class VoiceprintFormatTest {
    private val key: SecretKey = SecretKeySpec(ByteArray(32) { it.toByte() }, "AES")
    private val model = "ab".repeat(32)
    private val vector = FloatArray(64) { (it - 30) / 64f }
    private val created = 1_800_000_000_000
    private val voiceprint =
        Voiceprint(Voiceprint.newId(), "Zoë 李", model, vector, Sound(7.25, -23.5), created)

    @Test
    fun `what is sealed comes back`() {
        val opened = VoiceprintFormat.open(VoiceprintFormat.seal(voiceprint, key), key, model)
        assertEquals(voiceprint.id, opened.id)
        assertEquals("Zoë 李", opened.name)
        assertEquals(model, opened.modelSha256)
        assertEquals(created, opened.created)
        assertArrayEquals(vector, opened.vector, 0f)
        assertEquals(7.25, opened.sound?.seconds)
        assertEquals(-23.5, opened.sound?.level)
    }

    @Test
    fun `sound that is not known stays unknown`() {
        val unknown = Voiceprint(voiceprint.id, "Zoë", model, vector, null, created)
        val opened = VoiceprintFormat.open(VoiceprintFormat.seal(unknown, key), key)
        assertNull(opened.sound)
        assertArrayEquals(vector, opened.vector, 0f)
    }

    @Test
    fun `a voiceprint of the version before has no sound`() {
        val opened = VoiceprintFormat.open(versionOne(), key, model)
        assertEquals("Zoë", opened.name)
        assertEquals(created, opened.created)
        assertArrayEquals(vector, opened.vector, 0f)
        assertNull(opened.sound)
        val again = VoiceprintFormat.open(VoiceprintFormat.seal(opened.renamed("Al"), key), key)
        assertArrayEquals(vector, again.vector, 0f)
        assertNull(again.sound)
    }

    @Test
    fun `every changed bit is noticed`() {
        val sealed = VoiceprintFormat.seal(voiceprint, key)
        for (position in sealed.indices) {
            for (bit in 0 until 8) {
                val changed = sealed.copyOf()
                changed[position] = (changed[position].toInt() xor (1 shl bit)).toByte()
                assertThrows("byte $position", BadInput::class.java) {
                    VoiceprintFormat.open(changed, key)
                }
            }
        }
    }

    @Test
    fun `every cut and every addition is noticed`() {
        val sealed = VoiceprintFormat.seal(voiceprint, key)
        for (size in sealed.indices) {
            assertThrows("$size bytes", BadInput::class.java) {
                VoiceprintFormat.open(sealed.copyOf(size), key)
            }
        }
        assertThrows(BadInput::class.java) { VoiceprintFormat.open(sealed + 0, key) }
    }

    @Test
    fun `a voiceprint of another model is not scored`() {
        val sealed = VoiceprintFormat.seal(voiceprint, key)
        val error = assertThrows(BadInput::class.java) {
            VoiceprintFormat.open(sealed, key, "cd".repeat(32))
        }
        assertEquals("The voiceprint was made with another model; enrol again.", error.message)
        val hash = 5 // behind "TFVP" and the version
        for (i in 0 until 32) sealed[hash + i] = 0xCD.toByte()
        assertThrows(BadInput::class.java) { VoiceprintFormat.open(sealed, key, "cd".repeat(32)) }
    }

    @Test
    fun `another version asks to enrol again`() {
        val sealed = VoiceprintFormat.seal(voiceprint, key)
        sealed[4] = 3
        val error = assertThrows(BadInput::class.java) { VoiceprintFormat.open(sealed, key) }
        assertEquals("The voiceprint is of another version of the app; enrol again.", error.message)
    }

    @Test
    fun `another key opens nothing`() {
        val other: SecretKey = SecretKeySpec(ByteArray(32), "AES")
        val sealed = VoiceprintFormat.seal(voiceprint, key)
        assertThrows(BadInput::class.java) { VoiceprintFormat.open(sealed, other) }
    }

    @Test
    fun `nothing of a person can be read, and no two files are alike`() {
        val first = VoiceprintFormat.seal(voiceprint, key)
        val second = VoiceprintFormat.seal(voiceprint, key)
        val head = 4 + 1 + 32 + 16
        assertArrayEquals(first.copyOf(head), second.copyOf(head))
        assertNotEquals(first.drop(head), second.drop(head))
        assertFalse(String(first, Charsets.UTF_8).contains("Zo"))
        assertTrue(voiceprint.toString(), !voiceprint.toString().contains("Zo"))
    }

    @Test
    fun `names are limited`() {
        for (name in listOf("", "x".repeat(401))) {
            assertThrows(BadInput::class.java) {
                VoiceprintFormat.seal(voiceprint.renamed(name), key)
            }
        }
        val longest = voiceprint.renamed("x".repeat(VoiceprintFormat.MAXIMUM_NAME_BYTES))
        val opened = VoiceprintFormat.open(VoiceprintFormat.seal(longest, key), key)
        assertEquals(longest.name, opened.name)
    }

    /** What the version before wrote. */
    private fun versionOne(): ByteArray {
        val name = "Zoë".toByteArray()
        val secret = ByteBuffer.allocate(8 + 2 + name.size + 4 * vector.size)
            .order(ByteOrder.LITTLE_ENDIAN)
        secret.putLong(created).putShort(name.size.toShort()).put(name)
        for (value in vector) secret.putFloat(value)
        val head = "TFVP".toByteArray() + 1 + model.hexToBytes() + voiceprint.id.hexToBytes()
        val start = ByteArray(12) { 5 }
        val cipher = Cipher.getInstance("AES/GCM/NoPadding")
        cipher.init(Cipher.ENCRYPT_MODE, key, GCMParameterSpec(128, start))
        cipher.updateAAD(head)
        return head + start.size.toByte() + start + cipher.doFinal(secret.array())
    }

    @Test
    fun `a key that cannot be used is said`() {
        val broken: SecretKey = SecretKeySpec(ByteArray(5), "AES")
        assertThrows(BadInput::class.java) { VoiceprintFormat.seal(voiceprint, broken) }
    }
}
