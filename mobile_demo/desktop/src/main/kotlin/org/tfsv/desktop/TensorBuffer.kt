package org.tfsv.desktop

import com.sun.jna.Memory
import com.sun.jna.Pointer
import com.sun.jna.ptr.LongByReference
import java.io.Closeable

/** Float32 of a shape that a compiled model reads or writes. */
internal class TensorBuffer(
    private val liteRt: LiteRt,
    environment: Pointer,
    requirements: Pointer,
    shape: List<Int>,
) : Closeable {
    private val size = shape.fold(1, Int::times)

    /** What LiteRT knows it by. */
    val handle: Pointer = Calls.created("a tensor") {
        val type = Memory(TYPE_BYTES)
        type.clear()
        type.setInt(0, FLOAT32)
        type.setByte(LAYOUT, shape.size.toByte())
        for ((axis, side) in shape.withIndex()) {
            type.setInt(LAYOUT + SIDES + Int.SIZE_BYTES * axis, side)
        }
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
        /** LiteRtLayout: number of sides and a bit for strides, 8 sides, 8 strides. */
        const val LAYOUT_BYTES = 68L

        // LiteRtRankedTensorType: type of the elements, and their layout.
        private const val TYPE_BYTES = 4 + LAYOUT_BYTES
        private const val FLOAT32 = 1
        private const val LAYOUT = 4L
        private const val SIDES = 4L // in a layout
        private const val RANK_BITS = 0x7F

        /** The shape of the layout at this place. */
        fun shape(layouts: Pointer, place: Long): List<Int> {
            val rank = layouts.getByte(place).toInt() and RANK_BITS
            return layouts.getIntArray(place + SIDES, rank).asList()
        }

        /** Elements that a tensor of these requirements has. */
        fun elements(liteRt: LiteRt, requirements: Pointer): Int {
            val bytes = LongByReference()
            val status = liteRt.LiteRtGetTensorBufferRequirementsBufferSize(requirements, bytes)
            Calls.done("a tensor", status)
            return (bytes.value / Float.SIZE_BYTES).toInt()
        }
    }
}
