package org.tfsv.core.model

import java.nio.ByteBuffer
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Test

class CodesTest {
    @Test
    fun `the example of the specification`() {
        val planes = bytes(0x35, 0x3A, 0x05, 0xA5, 0x02)
        val codes = ByteArray(10)
        Codes.unpack(Bytes(ByteBuffer.wrap(planes)), 3, intArrayOf(0, 3), 0, codes, 10)
        assertArrayEquals(bytes(5, 1, 7, 0, 2, 6, 3, 4, 1, 5), codes)
    }

    @Test
    fun `a piece that begins at a multiple of 8 is the same as the whole`() {
        val planes = ByteArray(100) { (37 * it).toByte() }
        val file = Bytes(ByteBuffer.wrap(planes))
        for (bits in Codes.WIDTHS) {
            val starts = IntArray(Codes.planes(bits).size) { 25 * it }
            val whole = ByteArray(24).also { Codes.unpack(file, bits, starts, 0, it, 24) }
            val piece = ByteArray(8).also { Codes.unpack(file, bits, starts, 16, it, 8) }
            assertArrayEquals(whole.copyOfRange(16, 24), piece)
            assertEquals(true, whole.all { (it.toInt() and 0xFF) < 1 shl bits })
        }
    }

    @Test
    fun `planes have whole bytes`() {
        assertEquals(listOf(1, 1, 2, 5), listOf(1, 8, 9, 40).map { Codes.planeBytes(it, 1) })
        assertEquals(ModelFile.LARGEST, Codes.planeBytes(ModelFile.LARGEST, 8))
    }

    private fun bytes(vararg values: Int) = ByteArray(values.size) { values[it].toByte() }
}
