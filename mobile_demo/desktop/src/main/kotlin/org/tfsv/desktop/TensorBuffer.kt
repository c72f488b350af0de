package org.tfsv.desktop

import com.sun.jna.Memory
import com.sun.jna.Pointer
import com.sun.jna.ptr.LongByReference
import java.io.Closeable

/** Float32 `[1, size]` that a compiled model reads or writes. */
internal class TensorBuffer(
    private val liteRt: LiteRt,
    environment: Pointer,
    requirements: Pointer,
    private val size: Int,
) : Closeable {
    /** What LiteRT knows it by. */
    val handle: Pointer = Calls.created("a tensor") {
        val type = Memory(TYPE_BYTES)
        type.clear()
        type.setInt(0, FLOAT32)
        type.setByte(RANK, 2)
        type.setInt(SIDES, 1)
        type.setInt(SIDES + Int.SIZE_BYTES, size)
        liteRt.LiteRtCreateManagedTensorBufferFromRequirements(environment, type, requirements, it)
    }

    fun write(values: FloatArray) {
        locked(LiteRt.WRITE) { it.write(0, values, 0, size) }
    }

    fun read(): FloatArray = locked(LiteRt.READ) { it.getFloatArray(0, size) }

    override fun close() {
        liteRt.LiteRtDestroyTensorBuffer(handle)
    }

    private fun <T> locked(mode: Int, use: (Pointer) -> T): T {
        val place = Calls.created("a tensor") { liteRt.LiteRtLockTensorBuffer(handle, it, mode) }
        return try {
            use(place)
        } finally {
            liteRt.LiteRtUnlockTensorBuffer(handle)
        }
    }

    companion object {
        // LiteRtRankedTensorType: type of the elements, number of sides, 8 sides, 8 strides.
        private const val TYPE_BYTES = 72L
        private const val FLOAT32 = 1
        private const val RANK = 4L
        private const val SIDES = 8L

        /** Elements that a tensor of these requirements has. */
        fun elements(liteRt: LiteRt, requirements: Pointer): Int {
            val bytes = LongByReference()
            val status = liteRt.LiteRtGetTensorBufferRequirementsBufferSize(requirements, bytes)
            Calls.done("a tensor", status)
            return (bytes.value / Float.SIZE_BYTES).toInt()
        }
    }
}
