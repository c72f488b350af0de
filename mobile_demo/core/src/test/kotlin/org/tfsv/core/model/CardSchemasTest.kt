package org.tfsv.core.model

import org.json.JSONObject
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertNull
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test
import org.tfsv.core.BadInput
import org.tfsv.core.Goldens

class CardSchemasTest {
    @Test
    fun `schema 3 is read`() {
        val text = """
            {
              "schema": 3,
              "task": "verification",
              "network": {
                "name": "ecapa", "channels": 16, "bins": 80, "embedding_size": 256,
                "pooling": "attentive"
              },
              "ends": {"front_end": {"bins": 80}},
              "bits": {"stem": 4},
              "scheme": "kmeans",
              "trained_on": "dev",
              "measured": {"eer": 0.05, "min_dcf": 0.4},
              "decision": {"thresholds": {"eer": 0.3, "far_0.01": 0.5}},
              "versions": {"tfsv": "0.1.0"},
              "notes": "none"
            }
        """
        val expected = mapOf(
            "network" to "ecapa",
            "channels" to 16,
            "bins" to 80,
            "embeddingSize" to 256,
            "pooling" to "attentive",
            "bits" to mapOf("stem" to 4),
            "scheme" to "kmeans",
            "trainedOn" to "dev",
            "eer" to 0.05,
            "minDcf" to 0.4,
            "thresholds" to mapOf("eer" to 0.3, "far_0.01" to 0.5),
            "scoring" to null,
            "versions" to mapOf("tfsv" to "0.1.0"),
            "notes" to "none",
        )
        assertEquals(expected, Cards.properties(ModelCard.fromJson(text)))
    }

    @Test
    fun `equal cards of all schemas are the same`() {
        val card = Cards.properties(read(Cards.FLAT))
        assertEquals(14, card.size)
        assertEquals(card, Cards.properties(read(Cards.nested())))
        assertEquals(card, Cards.properties(read(Cards.FLAT - "pooling" + ("schema" to "1"))))
    }

    @Test
    fun `the card of a real model says the same in schema 2`() {
        for (name in listOf("float32.tflite", "packed_mixed.tflite")) {
            val content = Goldens.read(name)
            val forger = Forger(content)
            val place = checkNotNull(Metadata.find(forger.file, Metadata.CARD))
            val nested = JSONObject(String(content, place.start, place.size))
            forger.entry(Metadata.CARD, inSchema2(nested).toString().toByteArray())
            val expected = Cards.properties(ModelFile.read(content, name).card)
            val read = Cards.properties(ModelFile.read(forger.sealed(), name).card)
            assertEquals(expected, read)
        }
    }

    @Test
    fun `what was not measured is not there`() {
        val card = read(Cards.nested("measured") { emptyMap() })
        assertNull(card.eer)
        assertNull(card.minDcf)
    }

    @Test
    fun `a card without thresholds has none`() {
        for (decision in listOf(emptyMap(), mapOf("thresholds" to "{}"))) {
            val card = read(Cards.nested("decision") { decision })
            assertEquals(emptyMap<String, Double>(), card.thresholds)
            val error = assertThrows(BadInput::class.java) { card.likeness() }
            assertTrue("has no threshold" in error.message.orEmpty())
        }
    }

    @Test
    fun `what later versions may measure or decide by is ignored`() {
        val measured = Cards.nested("measured") { it + ("cllr" to "1.7") }
        val decision = Cards.nested("decision") { it + ("scale" to "{\"slope\": [[1], null]}") }
        for (later in listOf(measured, decision)) {
            assertEquals(Cards.properties(read(Cards.nested())), Cards.properties(read(later)))
        }
    }

    @Test
    fun `what is missing is named`() {
        val card = Cards.nested()
        for (key in card.keys) {
            val message = Cards.refused(Cards.json(card - key))
            assertEquals("its model card has no '$key'", message)
        }
        for (table in listOf("network", "ends")) {
            for (key in Cards.TABLES.getValue(table).keys) {
                val message = refused(Cards.nested(table) { it - key })
                assertEquals("its model card has no '$table.$key'", message)
            }
        }
    }

    @Test
    fun `what is unknown is named`() {
        for (key in listOf("eer", "front_end", "thresholds", "channels")) {
            val message = refused(Cards.nested() + (key to "1"))
            assertEquals("its model card has an unknown key '$key'", message)
        }
        for (table in listOf("network", "ends")) {
            val message = refused(Cards.nested(table) { it + ("a\\nb" to "1") })
            assertEquals("its model card has an unknown key '$table.a?b'", message)
        }
        val task = refused(Cards.FLAT + ("task" to "\"verification\""))
        assertEquals("its model card has an unknown key 'task'", task)
    }

    @Test
    fun `what is impossible is named`() {
        val impossible = listOf("task" to "5", "task" to "\"\"", "bits" to "{\"a\": 9}") +
            listOf("scheme" to "\"\"", "versions" to "{\"tfsv\": 1}", "notes" to "null") +
            Cards.TABLES.keys.flatMap { listOf(it to "null", it to "[]", it to "\"resnet18\"") }
        for ((key, value) in impossible) {
            named(key, refused(Cards.nested() + (key to value)))
        }
        val inTables = listOf(
            Triple("network", "name", "\"\""),
            Triple("network", "name", "null"),
            Triple("network", "channels", "0"),
            Triple("network", "bins", "true"),
            Triple("network", "embedding_size", "1.5"),
            Triple("network", "pooling", "\"\""),
            Triple("network", "pooling", "{}"),
            Triple("ends", "front_end", "null"),
            Triple("ends", "front_end", "[]"),
            Triple("measured", "eer", "null"),
            Triple("measured", "eer", "1.01"),
            Triple("measured", "min_dcf", "-0.1"),
            Triple("measured", "min_dcf", "\"low\""),
            Triple("measured", "cllr", "null"),
            Triple("measured", "cllr", "true"),
            Triple("decision", "thresholds", "null"),
            Triple("decision", "thresholds", "0.5"),
            Triple("decision", "thresholds", "{\"eer\": null}"),
        )
        for ((table, key, value) in inTables) {
            named("$table.$key", refused(Cards.nested(table) { it + (key to value) }))
        }
    }

    @Test
    fun `numbers without end are refused`() {
        val endless = listOf(
            Cards.nested("measured") { it + ("cllr" to "1e999") },
            Cards.nested("decision") { it + ("thresholds" to "{\"eer\": -1e999}") },
            Cards.nested("network") { it + ("channels" to "9".repeat(400)) },
        )
        for (card in endless) assertTrue(refused(card).length in 1..200)
    }

    @Test
    fun `a model for another task is refused in one sentence`() {
        val tasks = mapOf(
            "null" to "no task",
            "\"separation\"" to "the task 'separation'",
            "\"a\\nb'\"" to "the task 'a?b?'",
            "\"${"x".repeat(1000)}\"" to "the task '${"x".repeat(40)}…'",
        )
        for ((task, words) in tasks) {
            val other = Cards.nested() + ("task" to task) + ("network" to "{}") + ("ends" to "{}")
            val forger = Forger(Goldens.read("int8.tflite"))
            forger.entry(Metadata.CARD, Cards.json(other).toByteArray())
            val error = assertThrows(BadInput::class.java) { ModelFile.read(forger.sealed(), "a") }
            val expected = "a is a model for $words and this app takes models for " +
                "'verification'; use another."
            assertEquals(expected, error.message)
        }
    }

    @Test
    fun `other schemas are named with those that are read`() {
        val message = refused(Cards.nested() + ("schema" to "4"))
        assertEquals("model card of schema 4, this app reads 1 to 3", message)
    }

    @Test
    fun `brackets are counted before they are read`() {
        val brackets = Cards.json(Cards.nested("decision") { it + ("more" to "0") })
            .count { it == '{' || it == '[' }
        fun nestedBy(depth: Int) = Cards.nested("decision") {
            it + ("more" to "[".repeat(depth) + "]".repeat(depth))
        }
        assertTrue("$brackets are in a card", brackets in 9..20)
        read(nestedBy(200 - brackets))
        assertTrue("too deeply" in refused(nestedBy(201 - brackets)))
    }

    private fun read(fields: Map<String, String>) = ModelCard.fromJson(Cards.json(fields))

    private fun refused(fields: Map<String, String>) = Cards.refused(Cards.json(fields))

    private fun named(path: String, message: String) {
        assertTrue("$path: $message", message.startsWith("'$path"))
        assertFalse("$path: $message", '\n' in message || message.length > 200)
    }

    private fun inSchema2(nested: JSONObject) = JSONObject().apply {
        val network = nested.getJSONObject("network")
        put("schema", 2)
        put("network", network["name"])
        for (key in listOf("channels", "bins", "embedding_size", "pooling")) put(key, network[key])
        put("front_end", nested.getJSONObject("ends")["front_end"])
        val measured = nested.getJSONObject("measured")
        for (key in listOf("eer", "min_dcf")) put(key, measured.opt(key) ?: JSONObject.NULL)
        put("thresholds", nested.getJSONObject("decision")["thresholds"])
        for (key in listOf("bits", "scheme", "trained_on", "versions", "notes")) {
            put(key, nested[key])
        }
    }
}
