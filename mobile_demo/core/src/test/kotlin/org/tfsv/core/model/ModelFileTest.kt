package org.tfsv.core.model

import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.util.Random
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertNotEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test
import org.tfsv.core.BadInput
import org.tfsv.core.Goldens

class ModelFileTest {
    private val packed = Goldens.read("packed_mixed.tflite")
    private val plain = Goldens.read("float32.tflite")

    @Test
    fun `a plain file is what it is`() {
        val file = ModelFile.read(plain, "a.tflite")
        assertFalse(file.packed)
        assertEquals(plain.size, file.size)
        assertEquals(plain.size, file.expandedSize)
        assertArrayEquals(plain, content(file.plain()))
        assertArrayEquals(plain, content(file.expanded()))
        assertEquals("resnet18", file.card.network)
    }

    @Test
    fun `buffers are what an interpreter takes`() {
        val file = ModelFile.read(packed, "a.tflite")
        for (buffer in listOf(file.plain(), file.expanded())) {
            assertTrue(buffer.isDirect)
            assertEquals(ByteOrder.nativeOrder(), buffer.order())
            assertEquals(0, buffer.position())
            assertEquals(buffer.capacity(), buffer.limit())
        }
        assertTrue(file.packed)
        assertEquals(file.expandedSize, file.expanded().capacity())
        assertArrayEquals(content(file.expanded()), content(file.expanded()))
        assertNotEquals(file.sha256, ModelFile.read(plain, "b").sha256)
    }

    @Test
    fun `eight bytes tell what is no such file`() {
        ModelFile.checkHead(packed.copyOf(ModelFile.HEAD_BYTES), "a.tflite")
        for (head in listOf(packed.copyOf(7), ByteArray(8), "TFL3TFL4".toByteArray())) {
            val error = assertThrows(BadInput::class.java) { ModelFile.checkHead(head, "a.bin") }
            assertEquals("a.bin is no TFLite file; export the model again.", error.message)
        }
    }

    @Test
    fun `a file cut anywhere is refused`() {
        val random = Random(1)
        val sizes = (0 until 300) + List(300) { random.nextInt(packed.size) } + (packed.size - 1)
        for (size in sizes) refused(packed.copyOf(size))
    }

    @Test
    fun `flipped bits are refused`() {
        val random = Random(2)
        repeat(2000) {
            val changed = packed.copyOf()
            val place = random.nextInt(changed.size)
            changed[place] = (changed[place].toInt() xor (1 shl random.nextInt(8))).toByte()
            refused(changed)
        }
    }

    @Test
    fun `what was made to harm is refused or expands`() {
        val random = Random(3)
        val end = packed.size / 3 // what is not codes or constants mostly lies there
        var refused = 0
        repeat(2000) {
            val forger = Forger(packed)
            repeat(1 + random.nextInt(3)) {
                val place = random.nextInt((if (random.nextBoolean()) end else packed.size) - 4)
                when (random.nextInt(3)) {
                    0 -> forger.byte(place, random.nextInt())
                    1 -> forger.word(place.toLong() / 4 * 4, EDGES[random.nextInt(EDGES.size)])
                    else -> forger.short(place / 2 * 2, random.nextInt(20))
                }
            }
            if (!opens(forger.sealed())) refused++
        }
        assertTrue("$refused refused", refused in 100..1900)
    }

    @Test
    fun `a record that lies is refused with the reason`() {
        val record = Forger(packed).record
        val forged = mapOf<String, Forger.() -> Unit>(
            "damaged record" to { byte(record, 0) },
            "packed in format 2; this app reads format 1" to { short(record + 4, 2) },
            "damaged record of packed layers" to { short(record + 6, 1000) },
            "0 decoding operators of" to { short(record + 8, 0) },
            "65535 decoding operators of" to { short(record + 8, 65535) },
            "no place for expanded layers" to { short(record + 10, 1) },
            "entry 65535 of" to { short(record + 10, 65535) },
            "instead of 4294967295" to { word(record + 12L, 0xFFFFFFFFL) },
            "instead of 0" to { word(record + 12L, 0) },
            "layers of 0 bits" to { byte(record + 16, 0) },
            "layers of 9 bits" to { byte(record + 16, 9) },
            "group of 0 layers" to { byte(record + 17, 0) },
            "entry 65534 of" to { short(record + 18, 65534) },
        )
        for ((reason, change) in forged) {
            val message = refused(Forger(packed).apply(change).sealed())
            assertTrue("$reason: $message", reason in message)
        }
    }

    @Test
    fun `what is no model of ours is refused with the reason`() {
        val files = mapOf(
            "is no TFLite file" to "a text".repeat(100).toByteArray(),
            "its checksum is wrong" to packed.copyOf().also { it[it.size - 1] = 77 },
            "an offset leads out of the file" to ByteArray(100).also { other ->
                "TFL3".toByteArray().copyInto(other, 4)
                other.fill(-1, 0, 4)
            },
        )
        for ((reason, file) in files) assertTrue(reason, reason in refused(file))
    }

    @Test
    fun `a sound file of another tool is not called damaged`() {
        val other = plain.copyOf()
        for (name in listOf("tfsv.card", "tfsv.sha256")) {
            val place = String(other, Charsets.ISO_8859_1).indexOf(name)
            "none".toByteArray().copyInto(other, place)
        }
        val message = refused(other)
        assertTrue(message, "is a TFLite file, but tfsv did not make it; use another." in message)
    }

    @Test
    fun `operators of which an interpreter would die are refused`() {
        val file = Forger(packed).file
        val graph = Graphs.only(Table.root(file))
        val operator = graph.tables(Schema.GRAPH_OPERATORS)[3]
        val inputs = checkNotNull(operator.vector(Schema.OPERATOR_INPUTS, 4))
        val tensors = graph.tables(Schema.GRAPH_TENSORS).size.toLong()
        val values = mapOf(-1L to "does not have", -2L to "not exist", tensors to "not exist")
        for ((value, reason) in values) {
            val forger = Forger(packed)
            forger.word(inputs.start.toLong(), value)
            assertTrue(reason in refused(forger.sealed()))
        }
        val empty = Forger(packed).apply { word(inputs.start - 4L, 0) }
        assertTrue("lacks an input" in refused(empty.sealed()))
    }

    @Test
    fun `many operators that share a long vector do not hang`() {
        val forger = Forger(packed)
        val graph = Graphs.only(Table.root(forger.file))
        val operators = graph.tables(Schema.GRAPH_OPERATORS)
        val slot = checkNotNull(operators[0].slot(Schema.OPERATOR_INPUTS))
        val start = forger.file.followed(slot)
        forger.word(start, (packed.size - start - 8) / 4)
        assertTrue(refused(forger.sealed()).isNotEmpty())
    }

    private fun content(buffer: ByteBuffer) = ByteArray(buffer.remaining()).also { buffer.get(it) }

    private fun refused(file: ByteArray): String {
        val error = assertThrows(BadInput::class.java) {
            ModelFile.read(file, "a.tflite").apply { expanded() }.plain()
        }
        val message = error.message.orEmpty()
        assertTrue(message, message.startsWith("a.tflite ") && '\n' !in message)
        assertTrue(message, message.length < 250)
        return message
    }

    private fun opens(file: ByteArray): Boolean = try {
        ModelFile.read(file, "a.tflite").apply { expanded() }.plain()
        true
    } catch (_: BadInput) {
        false
    }

    private companion object {
        val EDGES = longArrayOf(0, 1, 4, 0x7FFFFFFF, 0x80000000L, 0xFFFFFFFCL, 0xFFFFFFFFL, 0x1000)
    }
}
