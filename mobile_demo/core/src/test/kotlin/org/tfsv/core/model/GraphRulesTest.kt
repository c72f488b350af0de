package org.tfsv.core.model

import java.io.File
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test
import org.tfsv.core.BadInput
import org.tfsv.core.Goldens
import org.tfsv.core.separation.SeparatorFile

class GraphRulesTest {
    private val content = Goldens.read("packed_mixed.tflite")

    @Test
    fun `models of every form keep the rules`() {
        for (name in FORMS) {
            val file = ModelFile.read(Goldens.read("$name.tflite"), name)
            assertTrue(name, file.plain().capacity() > 0)
            assertTrue(name, file.expanded().capacity() > 0)
        }
        val shipped = File(checkNotNull(System.getProperty("tfsv.models"))).listFiles().orEmpty()
        for (model in shipped.filter { it.name.startsWith("demo_") }) {
            val file = ModelFile.read(model.readBytes(), model.name)
            assertTrue(model.name, file.plain().capacity() > 0)
            assertTrue(model.name, file.expanded().capacity() > 0)
        }
    }

    @Test
    fun `the shipped separator keeps the rules`() {
        val model = File(checkNotNull(System.getProperty("tfsv.models")), "separator_4bit.tflite")
        val file = SeparatorFile.read(model.readBytes(), model.name)
        assertTrue(file.plain().capacity() > 0)
        assertTrue(file.expanded().capacity() > 0)
    }

    @Test
    fun `forgeries are refused for the reasons that tfsv gives`() {
        val lines = Forgeries.TABLE.trim().lines().map { it.trim().split(" ", limit = 3) }
        for ((place, digits, reason) in lines) {
            val forger = Forger(content)
            digits.chunked(2).forEachIndexed { number, pair ->
                forger.byte(place.toInt() + number, pair.toInt(16))
            }
            assertEquals("$place $digits", reason, verdict(forger.sealed()))
        }
        assertTrue(lines.size > 100)
    }

    private fun verdict(file: ByteArray): String = try {
        ModelFile.read(file, "a.tflite").apply { expanded() }.plain()
        "accepted"
    } catch (refusal: BadInput) {
        val message = refusal.message.orEmpty()
        if (FOREIGN in message) {
            message.substringAfter(FOREIGN).removeSuffix("); use another.")
        } else {
            "damaged"
        }
    }

    private companion object {
        const val FOREIGN = "is a TFLite file, but tfsv did not make it ("
        val FORMS = listOf(
            "float32",
            "int8",
            "int8_weights",
            "packed_1bit",
            "packed_2bit",
            "packed_4bit",
            "packed_mixed",
            "packed_mixed_float32",
            "packed_float16",
        )
    }
}
