package org.tfsv.core.model

import java.security.MessageDigest

/** The SHA-256 inside a file, by which any change of it is noticed. */
internal object Checksum {
    private const val ALGORITHM = "SHA-256"
    private val blank = ByteArray(32)

    /** Compares the file with its checksum, computed with the entry's own bytes as zeros. */
    fun check(content: ByteArray, place: Span?) {
        if (place?.size != blank.size) throw Damaged("it has no checksum")
        val digest = MessageDigest.getInstance(ALGORITHM)
        digest.update(content, 0, place.start)
        digest.update(blank)
        digest.update(content, place.end, content.size - place.end)
        val held = content.copyOfRange(place.start, place.end)
        if (!MessageDigest.isEqual(digest.digest(), held)) {
            throw Damaged("its checksum is wrong, so it was damaged or changed")
        }
    }

    /** The SHA-256 of all bytes. */
    fun of(content: ByteArray): ByteArray = MessageDigest.getInstance(ALGORITHM).digest(content)
}
