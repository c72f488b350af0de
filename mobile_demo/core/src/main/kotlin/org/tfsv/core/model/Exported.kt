package org.tfsv.core.model

import java.nio.ByteBuffer
import org.tfsv.core.BadInput

/** What a file of `tfsv export` is, whatever its task. */
interface Exported {
    /** What error messages call it. */
    val name: String

    /** SHA-256 of the whole file, in hexadecimal digits: the model's identity. */
    val sha256: String

    /** Bytes of the file. */
    val size: Int

    /** Bytes of the expanded model. */
    val expandedSize: Int

    /** Whether kernels are codes; [expanded] then differs from [plain]. */
    val packed: Boolean

    /**
     * The model that XNNPACK runs at full speed; a plain file as it is.
     *
     * @return a new direct buffer in native order, at position 0; constants lie at multiples of 16
     *   from its beginning.
     * @throws BadInput it cannot be expanded, or needs more memory than there is.
     */
    fun expanded(): ByteBuffer

    /**
     * The file as it is, which decodes its codes at each inference.
     *
     * @return a buffer like that of [expanded].
     * @throws BadInput its graph makes no sense, or there is not enough memory.
     */
    fun plain(): ByteBuffer
}
