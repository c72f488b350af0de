package org.tfsv.core.separation

import java.util.Random
import org.json.JSONArray
import org.json.JSONObject
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test
import org.tfsv.core.BadInput
import org.tfsv.core.Goldens
import org.tfsv.core.model.Cards
import org.tfsv.core.model.Forger
import org.tfsv.core.model.Metadata
import org.tfsv.core.model.ModelFile

class SeparatorFileTest {
    private val batch = Goldens.read("separator_batch.tflite")
    private val cumulative = Goldens.read("separator_cumulative.tflite")

    @Test
    fun `a separator says what it is`() {
        for ((norm, content) in mapOf("batch" to batch, "cumulative" to cumulative)) {
            val file = SeparatorFile.read(content, "a")
            val card = file.card
            assertEquals(listOf(1, 2, 6, 8), card.run { listOf(stacks, blocks, channels, hidden) })
            assertEquals(norm, card.norm)
            assertEquals(15, card.microphones)
            assertEquals(-0.28, card.positions.first(), 0.0)
            assertEquals(setOf(4), card.bits.values.toSet())
            assertEquals("nothing: random weights", card.trainedOn)
            assertTrue(file.packed)
            assertEquals(content.size, file.size)
            assertEquals(content.size, file.plain().capacity())
            assertTrue(file.expanded().capacity() > 4 * 4 * 6 * 8)
            assertEquals(64, file.sha256.length)
        }
    }

    @Test
    fun `pasts are those of Python`() {
        assertEquals(
            mapOf(
                "samples" to listOf(1, 15, 256),
                "half" to listOf(1, 256),
                "stack1_block1_past" to listOf(1, 2, 1, 8),
                "stack1_block2_past" to listOf(1, 4, 1, 8),
            ),
            Pasts.shapes(SeparatorFile.read(batch, "a").card),
        )
        val names = Pasts.shapes(SeparatorFile.read(cumulative, "a").card)
        assertEquals(8, names.size)
        assertEquals(listOf(1, 3), names["stack1_block2_depthwise_norm"])
        assertEquals(listOf(1, 3), names["stack1_block1_in_norm"])
    }

    @Test
    fun `speaker models are refused, of all schemas`() {
        val other = "a is a model for the task 'verification' and a stream of sound takes models " +
            "for 'separation'; use another."
        val speaker = Goldens.read("int8.tflite")
        assertEquals(other, refused(speaker))
        for (schema in listOf("1", "2")) {
            val forger = Forger(speaker)
            val card = Cards.json(Cards.FLAT + ("schema" to schema))
            forger.entry(Metadata.CARD, card.toByteArray())
            assertEquals(other, refused(forger.sealed()))
        }
        assertTrue("no task and a stream" in refused(changed { put("task", JSONObject.NULL) }))
        assertTrue("this app reads 1 to 3" in refused(changed { put("schema", 4) }))
    }

    @Test
    fun `the app refuses a separator`() {
        val error = assertThrows(BadInput::class.java) { ModelFile.read(batch, "a") }
        val other = "a is a model for the task 'separation' and this app takes models for " +
            "'verification'; use another."
        assertEquals(other, error.message)
    }

    @Test
    fun `a separator that hears whole recordings is refused`() {
        val whole = "a hears whole recordings only and a stream needs a causal separator; " +
            "use another."
        assertEquals(whole, refused(changed { network().put("causal", false) }))
        assertEquals(whole, refused(changed { network().remove("causal") }))
    }

    @Test
    fun `a card of another separator than the graph is refused`() {
        val lie = "a is no sound model of tfsv (its card says that it is causal; its inputs do " +
            "not); get it again."
        val lies = listOf<JSONObject.() -> Unit>(
            { network().put("norm", "cumulative") },
            { network().put("norm", "") },
            { network().put("hidden", 9) },
            { network().put("blocks", 3) },
            { network().put("stacks", 2) },
            { network().remove("stacks") },
            { array().put("positions", list("-0.1, 0, 0.1")).put("pairs", list("[1, 3]")) },
        )
        for (change in lies) assertEquals(lie, refused(changed(change)))
    }

    @Test
    fun `what a card leaves out has its default`() {
        val content = changed { network().remove("phase") }
        assertEquals("batch", SeparatorFile.read(content, "a").card.norm)
    }

    @Test
    fun `what is impossible is named`() {
        val impossible = mapOf<String, JSONObject.() -> Unit>(
            "network.stacks" to { network().put("stacks", 17) },
            "network.blocks" to { network().put("blocks", 13) },
            "network.channels" to { network().put("channels", 0) },
            "network.hidden" to { network().put("hidden", 4097) },
            "network.causal" to { network().put("causal", 1) },
            "network.norm" to { network().put("norm", "global") },
            "network.phase" to { network().put("phase", "tan") },
            "network.more" to { network().put("more", 1) },
            "ends.more" to { getJSONObject("ends").put("more", 1) },
            "ends.array" to { getJSONObject("ends").put("array", 15) },
            "ends.array.positions" to { array().put("positions", 15) },
            "ends.array.positions' of its model card must be two" to {
                array().put("positions", list("0.1"))
            },
            "ends.array.positions' of its model card must be a list" to {
                array().put("positions", list("\"a\", \"b\""))
            },
            "ends.array.pairs' of its model card must be pairs" to {
                array().put("pairs", list("[1, 16]"))
            },
            "ends.array.pairs' of its model card must be a list" to {
                array().put("pairs", list("1, 2"))
            },
            "bits" to { put("bits", JSONObject(mapOf("mask" to 9))) },
            "measured" to { put("measured", JSONObject(mapOf("si_snr" to "much"))) },
            "notes" to { remove("notes") },
            "more" to { put("more", 1) },
        )
        for ((name, change) in impossible) {
            val message = refused(changed(change))
            assertTrue("$name: $message", "'$name" in message)
            assertTrue(message, message.startsWith("a is no sound model of tfsv ("))
            assertTrue(message, '\n' !in message && message.length < 200)
        }
    }

    @Test
    fun `a file cut or changed anywhere is refused`() {
        for (size in 0 until batch.size step 997) refused(batch.copyOf(size))
        for (place in 0 until batch.size step 997) {
            refused(batch.copyOf().also { it[place] = (it[place] + 1).toByte() })
        }
    }

    @Test
    fun `signatures that were made to harm are refused or read`() {
        val start = String(batch, Charsets.ISO_8859_1).indexOf("before_half")
        val random = Random(4)
        var refused = 0
        repeat(500) {
            val forger = Forger(batch)
            val place = (maxOf(start, 600) - 600 + random.nextInt(1200)) / 4 * 4
            forger.word(place.toLong(), EDGES[random.nextInt(EDGES.size)])
            try {
                SeparatorFile.read(forger.sealed(), "a").expanded()
            } catch (_: BadInput) {
                refused++
            }
        }
        assertTrue("$refused refused", refused > 100)
    }

    private fun changed(change: JSONObject.() -> Unit): ByteArray {
        val forger = Forger(batch)
        val place = checkNotNull(Metadata.find(forger.file, Metadata.CARD))
        val card = JSONObject(String(batch, place.start, place.size, Charsets.UTF_8))
        forger.entry(Metadata.CARD, card.apply(change).toString().toByteArray())
        return forger.sealed()
    }

    private fun JSONObject.network() = getJSONObject("network")

    private fun JSONObject.array() = getJSONObject("ends").getJSONObject("array")

    private fun list(items: String) = JSONArray("[$items]")

    private fun refused(content: ByteArray) =
        assertThrows(BadInput::class.java) { SeparatorFile.read(content, "a") }.message.orEmpty()

    private companion object {
        val EDGES = longArrayOf(0, 1, 4, 0x7FFFFFFF, 0x80000000L, 0xFFFFFFFCL, 0xFFFFFFFFL, 0x1000)
    }
}
