package org.tfsv.core.model

import org.junit.Assert.assertEquals
import org.junit.Assert.assertNull
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test
import org.tfsv.core.BadInput
import org.tfsv.core.Goldens

class ModelCardTest {
    private val fields = Cards.FLAT

    @Test
    fun `all fields are read`() {
        val card = ModelCard.fromJson(Cards.json(fields))
        assertEquals("resnet18", card.network)
        assertEquals(listOf(8, 40, 64), listOf(card.channels, card.bins, card.embeddingSize))
        assertEquals(mapOf("stem" to 8, "embedding" to 1), card.bits)
        assertEquals("kmeans", card.scheme)
        assertEquals(0.0125, card.eer ?: 0.0, 0.0)
        assertNull(card.minDcf)
        assertNull(card.pooling)
        assertEquals(0.31, card.threshold(Operating.FAR_1_PERCENT), 0.0)
        assertEquals(1.0, card.threshold(Operating.FAR_0_1_PERCENT), 0.0)
        assertEquals(0.31, card.likeness(), 0.0)
        assertEquals(mapOf("tfsv" to "0.1.0"), card.versions)
        assertEquals("voices [built in] {of tfsv}", card.trainedOn)
    }

    @Test
    fun `weights of 16 bits have no codes`() {
        val card = ModelCard.fromJson(Cards.json(fields + ("bits" to "{\"stem\": 16}")))
        assertEquals(mapOf("stem" to 16), card.bits)
        for (bits in listOf(9, 15, 17)) {
            val refused = Cards.refused(Cards.json(fields + ("bits" to "{\"stem\": $bits}")))
            assertTrue("must be 1 to 8 bits, or 16" in refused)
        }
    }

    @Test
    fun `the older schema had no pooling`() {
        val card = ModelCard.fromJson(Cards.json(fields - "pooling" + ("schema" to "1")))
        assertNull(card.pooling)
    }

    @Test
    fun `utterances are alike from equal error rates on`() {
        val thresholds = "thresholds" to "{\"eer\": 0.2, \"far_0.01\": 0.31}"
        assertEquals(0.2, ModelCard.fromJson(Cards.json(fields + thresholds)).likeness(), 0.0)
    }

    @Test
    fun `a model that was not calibrated says how to`() {
        val card = ModelCard.fromJson(Cards.json(fields + ("thresholds" to "{}")))
        val error = assertThrows(BadInput::class.java) { card.threshold(Operating.FAR_1_PERCENT) }
        assertTrue("tfsv evaluate --calibrate" in error.message.orEmpty())
    }

    @Test
    fun `what is missing or impossible is named`() {
        for (name in fields.keys) assertTrue(name in Cards.refused(Cards.json(fields - name)))
        assertTrue("'a b?c'" in Cards.refused(Cards.json(fields + ("a b\\nc" to "1"))))
        val impossible = listOf(
            "network" to "\"\"",
            "network" to "5",
            "channels" to "0",
            "channels" to "1.5",
            "bins" to "true",
            "embedding_size" to "1" + "0".repeat(400),
            "eer" to "2",
            "eer" to "\"much\"",
            "eer" to "1e999",
            "bits" to "[1]",
            "bits" to "{\"a\": 9}",
            "bits" to "{\"a\": 0}",
            "thresholds" to "{\"eer\": null}",
            "front_end" to "7",
            "notes" to "null",
            "schema" to "0",
            "schema" to "3",
            "schema" to "4",
            "schema" to "true",
        )
        for ((name, value) in impossible) {
            val message = Cards.refused(Cards.json(fields + (name to value)))
            assertTrue("$name $value: $message", message.isNotEmpty() && message.length < 200)
        }
    }

    @Test
    fun `what is no card is refused`() {
        val nested = "[".repeat(100_000)
        val texts = listOf("", "null", "[2]", "{", "x", nested, "{\"a\":".repeat(100_000)) +
            listOf("}", "\\\"}").map { "{\"$it\":".repeat(100_000) } +
            Cards.json(fields + ("notes" to nested + "]".repeat(100_000))) +
            Cards.json(fields).dropLast(5) + (Cards.json(fields) + Cards.json(fields))
        for (text in texts) Cards.refused(text)
    }

    @Test
    fun `a card in a file is checked like one that is not`() {
        val forger = Forger(Goldens.read("int8.tflite"))
        forger.entry(Metadata.CARD, Cards.json(fields).toByteArray())
        assertEquals(40, ModelFile.read(forger.sealed(), "a").card.bins)
        forger.entry(Metadata.CARD, "{\"notes\": \"".toByteArray() + -1 + "\"}".toByteArray())
        val error = assertThrows(BadInput::class.java) { ModelFile.read(forger.sealed(), "a") }
        assertTrue("not UTF-8" in error.message.orEmpty())
    }
}
