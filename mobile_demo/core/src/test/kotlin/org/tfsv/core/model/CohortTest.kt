package org.tfsv.core.model

import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.util.Random
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertNotNull
import org.junit.Assert.assertNull
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test
import org.tfsv.core.BadInput
import org.tfsv.core.Goldens

class CohortTest {
    private val packed = Goldens.read("packed_4bit.tflite")
    private val good = Forger(packed).file.let { file ->
        val place = checkNotNull(Metadata.find(file, Metadata.COHORT))
        packed.copyOfRange(place.start, place.end)
    }

    @Test
    fun `a file has the cohort that its card needs`() {
        val file = ModelFile.read(packed, "a")
        val cohort = checkNotNull(file.cohort)
        assertEquals(file.card.scoring?.cohort, cohort.size)
        assertEquals(file.card.embeddingSize, cohort.dimensions)
        for (vector in listOf(0, cohort.size - 1)) {
            val values = List(cohort.dimensions) { cohort.value(vector, it) }
            val start = HEADER + vector * cohort.dimensions
            assertEquals(List(values.size) { good[start + it].toInt() }, values)
            assertEquals(127, values.maxOf { Math.abs(it) })
        }
    }

    @Test
    fun `the expanded model has the same cohort`() {
        val expanded = ModelFile.read(packed, "a").expanded()
        val file = Bytes(expanded.duplicate())
        val place = checkNotNull(Metadata.find(file, Metadata.COHORT))
        assertEquals(good.asList(), List(place.size) { file[place.start + it] })
    }

    @Test
    fun `files without a cohort have none`() {
        for (name in listOf("int8.tflite", "packed_2bit.tflite")) {
            assertNull(ModelFile.read(Goldens.read(name), name).cohort)
        }
        assertNull(ModelFile.read(Goldens.read("packed_2bit.tflite"), "a").card.scoring)
        val calibrated = ModelFile.read(Goldens.read("int8.tflite"), "a").card.scoring
        assertNotNull(calibrated)
        assertNull(calibrated?.cohort)
    }

    @Test
    fun `a cohort that lies is refused with the reason`() {
        val zeros = good.copyOf().also { it.fill(0, HEADER, HEADER + 32) }
        val forged = mapOf(
            "damaged cohort" to good.copyOf(9),
            "(damaged cohort)" to good.copyOf().also { it[0] = 0 },
            "cohort in format 2; this app reads format 1" to header(2, 24, 32, good),
            "cohort of 768 bytes instead of 25 × 32" to header(1, 25, 32, good),
            "instead of 65535 × 65535" to header(1, 65535, 65535, good),
            "cohort of 767 bytes" to good.copyOf(good.size - 1),
            "cohort of 769 bytes" to good + 1,
            "fewer than 2 vectors" to header(1, 1, 32, good.copyOf(HEADER + 32)),
            "cohort of fewer than 2 vectors" to header(1, 24, 0, good.copyOf(HEADER)),
            "one of zeros" to zeros,
            "needs a cohort of 24 × 32 and it has one of 32 × 24" to header(1, 32, 24, good),
            "it has one of 12 × 64" to header(1, 12, 64, good),
        )
        for ((reason, content) in forged) {
            val forger = Forger(packed).apply { entry(Metadata.COHORT, content) }
            val message = refused(forger.sealed())
            assertTrue("$reason: $message", reason in message)
        }
    }

    @Test
    fun `a card without its cohort is refused`() {
        val other = Forger(packed)
        val place = String(packed, Charsets.ISO_8859_1).indexOf(Metadata.COHORT)
        other.byte(place, 'T'.code)
        val message = refused(other.sealed())
        assertTrue(message, "its card needs a cohort of 24 × 32 and it has none" in message)
    }

    @Test
    fun `a cohort of random bytes is refused or read`() {
        val random = Random(1)
        var refused = 0
        repeat(300) {
            val content = good.copyOf(random.nextInt(good.size + 20))
            if (content.isNotEmpty()) {
                content[random.nextInt(minOf(content.size, 12))] = random.nextInt().toByte()
            }
            val forger = Forger(packed).apply { entry(Metadata.COHORT, content) }
            try {
                ModelFile.read(forger.sealed(), "a.tflite")
            } catch (_: BadInput) {
                refused++
            }
        }
        assertTrue("$refused", refused > 250)
    }

    private fun header(version: Int, size: Int, dimensions: Int, content: ByteArray): ByteArray {
        val changed = content.copyOf()
        val buffer = ByteBuffer.wrap(changed).order(ByteOrder.LITTLE_ENDIAN)
        buffer.putShort(4, version.toShort())
        buffer.putShort(6, size.toShort())
        buffer.putShort(8, dimensions.toShort())
        return changed
    }

    private fun refused(file: ByteArray): String {
        val error = assertThrows(BadInput::class.java) { ModelFile.read(file, "a.tflite") }
        val message = error.message.orEmpty()
        assertTrue(message, message.startsWith("a.tflite is no sound model of tfsv ("))
        assertFalse(message, '\n' in message || message.length > 250)
        return message
    }

    private companion object {
        const val HEADER = 10
    }
}
