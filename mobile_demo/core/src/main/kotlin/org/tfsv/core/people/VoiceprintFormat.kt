package org.tfsv.core.people

import java.nio.BufferUnderflowException
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.security.GeneralSecurityException
import java.security.ProviderException
import javax.crypto.Cipher
import javax.crypto.SecretKey
import javax.crypto.spec.GCMParameterSpec
import org.tfsv.core.BadInput
import org.tfsv.core.audio.Sound
import org.tfsv.core.hexToBytes
import org.tfsv.core.toHex

/**
 * A voiceprint as bytes that only the key opens, by AES-256-GCM.
 *
 * ```
 * head    "TFVP", u8 version 2, 32 bytes SHA-256 of the model, 16 bytes id
 * vector  u8 length, the initialisation vector
 * secret  encrypted: i64 created, u16 length, the name in UTF-8, f64 seconds and f64 level of the
 *         sound (NaN: not known), f32 for each dimension
 * tag     16 bytes that authenticate head and secret
 * ```
 *
 * Numbers are little-endian. The cipher chooses the initialisation vector, for AndroidKeyStore
 * takes none. Version 1 is read too; it had no seconds and no level.
 */
object VoiceprintFormat {
    /** Bytes of the longest name, in UTF-8. */
    const val MAXIMUM_NAME_BYTES: Int = 400

    private const val VERSION: Byte = 2
    private const val WITHOUT_SOUND: Byte = 1
    private const val HASH_BYTES = 32
    private const val ID_BYTES = 16
    private const val TAG_BITS = 128
    private const val TRANSFORMATION = "AES/GCM/NoPadding"
    private val MAGIC = "TFVP".toByteArray(Charsets.US_ASCII)
    private val UNKNOWN = Sound(Double.NaN, Double.NaN)
    private val HEAD_BYTES = MAGIC.size + 1 + HASH_BYTES + ID_BYTES

    /**
     * Encrypts a voiceprint.
     *
     * @throws BadInput the name is empty or too long, or the key cannot be used.
     */
    fun seal(voiceprint: Voiceprint, key: SecretKey): ByteArray {
        val head = head(voiceprint)
        val secret = secret(voiceprint)
        return withKey {
            val cipher = Cipher.getInstance(TRANSFORMATION)
            cipher.init(Cipher.ENCRYPT_MODE, key)
            cipher.updateAAD(head)
            val encrypted = cipher.doFinal(secret)
            head + byteArrayOf(cipher.iv.size.toByte()) + cipher.iv + encrypted
        }
    }

    /**
     * Decrypts what [seal] wrote, whatever the model.
     *
     * @throws BadInput it is something else, was changed, or is of another key.
     */
    fun open(bytes: ByteArray, key: SecretKey): Voiceprint {
        val known = bytes.size > HEAD_BYTES && MAGIC.indices.all { bytes[it] == MAGIC[it] }
        if (!known) throw damaged()
        val version = bytes[MAGIC.size]
        if (version != VERSION && version != WITHOUT_SOUND) {
            throw BadInput("The voiceprint is of another version of the app; enrol again.")
        }
        val start = HEAD_BYTES + 1 + (bytes[HEAD_BYTES].toInt() and 0xFF)
        if (bytes.size <= start) throw damaged()
        val secret = withKey {
            val cipher = Cipher.getInstance(TRANSFORMATION)
            val vector = bytes.copyOfRange(HEAD_BYTES + 1, start)
            cipher.init(Cipher.DECRYPT_MODE, key, GCMParameterSpec(TAG_BITS, vector))
            cipher.updateAAD(bytes, 0, HEAD_BYTES)
            cipher.doFinal(bytes, start, bytes.size - start)
        }
        val model = bytes.copyOfRange(MAGIC.size + 1, MAGIC.size + 1 + HASH_BYTES).toHex()
        val id = bytes.copyOfRange(HEAD_BYTES - ID_BYTES, HEAD_BYTES).toHex()
        return voiceprint(id, model, secret, version)
    }

    /**
     * Decrypts a voiceprint for use with a model.
     *
     * @throws BadInput as above, or it was made with another model.
     */
    fun open(bytes: ByteArray, key: SecretKey, modelSha256: String): Voiceprint {
        val voiceprint = open(bytes, key)
        if (voiceprint.modelSha256 != modelSha256) {
            throw BadInput("The voiceprint was made with another model; enrol again.")
        }
        return voiceprint
    }

    private fun head(voiceprint: Voiceprint): ByteArray {
        val model = voiceprint.modelSha256.hexToBytes()
        val id = voiceprint.id.hexToBytes()
        require(model.size == HASH_BYTES && id.size == ID_BYTES) { "no hash or no id" }
        return MAGIC + VERSION + model + id
    }

    private fun secret(voiceprint: Voiceprint): ByteArray {
        val name = voiceprint.name.toByteArray(Charsets.UTF_8)
        if (name.isEmpty()) throw BadInput("A person needs a name; enter one.")
        if (name.size > MAXIMUM_NAME_BYTES) throw BadInput("The name is too long; shorten it.")
        val sound = voiceprint.sound ?: UNKNOWN
        val size = Long.SIZE_BYTES + Short.SIZE_BYTES + name.size + 2 * Double.SIZE_BYTES
        val secret = ByteBuffer.allocate(size + Float.SIZE_BYTES * voiceprint.vector.size)
            .order(ByteOrder.LITTLE_ENDIAN)
        secret.putLong(voiceprint.created).putShort(name.size.toShort()).put(name)
        secret.putDouble(sound.seconds).putDouble(sound.level)
        for (value in voiceprint.vector) secret.putFloat(value)
        return secret.array()
    }

    private fun voiceprint(
        id: String,
        model: String,
        secret: ByteArray,
        version: Byte,
    ): Voiceprint = try {
        val content = ByteBuffer.wrap(secret).order(ByteOrder.LITTLE_ENDIAN)
        val created = content.getLong()
        val name = ByteArray(content.getShort().toInt() and 0xFFFF).also { content.get(it) }
        val sound = if (version == WITHOUT_SOUND) {
            UNKNOWN
        } else {
            Sound(content.getDouble(), content.getDouble())
        }
        val known = sound.takeIf { it.seconds.isFinite() && it.level.isFinite() }
        val vector = FloatArray(content.remaining() / Float.SIZE_BYTES) { content.getFloat() }
        Voiceprint(id, name.toString(Charsets.UTF_8), model, vector, known, created)
    } catch (_: BufferUnderflowException) {
        throw damaged()
    }

    private fun <T> withKey(use: () -> T): T = try {
        use()
    } catch (error: GeneralSecurityException) {
        throw damaged(error)
    } catch (error: ProviderException) { // what AndroidKeyStore throws when a key is gone
        throw damaged(error)
    }

    private fun damaged(cause: Throwable? = null) =
        BadInput("A voiceprint is damaged or its key is gone; delete it and enrol again.", cause)
}
