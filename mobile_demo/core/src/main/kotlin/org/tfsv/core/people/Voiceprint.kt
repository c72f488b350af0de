package org.tfsv.core.people

import java.security.SecureRandom
import org.tfsv.core.audio.Sound
import org.tfsv.core.toHex

/**
 * A person who was enrolled. A secret: nothing prints it.
 *
 * @property id 32 hexadecimal digits, random.
 * @property name as the person wrote it.
 * @property modelSha256 identity of the model that made it; no other model can use it.
 * @property vector of length 1.
 * @property sound what was heard when it was made; null: it is not known, since an older version of
 *   the app made it.
 * @property created milliseconds since 1970.
 */
class Voiceprint(
    val id: String,
    val name: String,
    val modelSha256: String,
    val vector: FloatArray,
    val sound: Sound?,
    val created: Long,
) {
    /** The same person under another name. */
    fun renamed(name: String): Voiceprint =
        Voiceprint(id, name, modelSha256, vector, sound, created)

    companion object {
        private const val ID_BYTES = 16

        /** A new id. */
        fun newId(): String = ByteArray(ID_BYTES).also(SecureRandom()::nextBytes).toHex()
    }
}
