package org.tfsv.core.model

import org.junit.Assert.assertEquals
import org.junit.Assert.assertNull
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test
import org.tfsv.core.BadInput

class ScoringTableTest {
    private val duration =
        mapOf("weight" to "-0.6", "lowest" to "0.6", "typical" to "2.1", "highest" to "7.5")
    private val level =
        mapOf("weight" to "-0.05", "lowest" to "0", "typical" to "2.4", "highest" to "15")
    private val imposterMean =
        mapOf("weight" to "2.5", "lowest" to "0.2", "typical" to "0.3", "highest" to "0.5")
    private val fields = mapOf(
        "cohort" to "200",
        "top" to "20",
        "offset" to "-2.6",
        "score" to "1.1",
        "duration" to Cards.json(duration),
        "level" to Cards.json(level),
        "thresholds" to "{\"eer\": 0.2, \"far_0.01\": 3.9}",
    )

    @Test
    fun `the table of the page is read`() {
        val card = read(fields)
        val table = checkNotNull(card.scoring)
        assertEquals(listOf(200, 20), listOf(table.cohort, table.top))
        assertEquals(listOf(-2.6, 1.1), listOf(table.offset, table.score))
        assertEquals(listOf(-0.6, 0.6, 2.1, 7.5), numbers(table.duration))
        assertEquals(listOf(-0.05, 0.0, 2.4, 15.0), numbers(table.level))
        assertEquals(mapOf("eer" to 0.2, "far_0.01" to 3.9), table.thresholds)
        assertNull(table.imposterMean)
    }

    @Test
    fun `an imposter mean is read where there is one`() {
        val table = read(fields + ("imposter_mean" to Cards.json(imposterMean))).scoring
        assertEquals(listOf(2.5, 0.2, 0.3, 0.5), numbers(checkNotNull(table?.imposterMean)))
        for (wrong in listOf(imposterMean - "lowest", imposterMean + ("typical" to "0.6"))) {
            named("imposter_mean", fields + ("imposter_mean" to Cards.json(wrong)))
        }
        named("imposter_mean", fields + ("imposter_mean" to "1"))
    }

    @Test
    fun `thresholds are those of the scores, and those of cosines stay beside them`() {
        val card = read(fields)
        assertEquals(3.9, card.threshold(Operating.FAR_1_PERCENT), 0.0)
        assertEquals(0.2, card.likeness(), 0.0)
        assertEquals(mapOf("far_0.01" to 0.31, "far_0.001" to 1.0), card.thresholds)
        val error = assertThrows(BadInput::class.java) { card.threshold(Operating.FAR_0_1_PERCENT) }
        assertTrue("no threshold far_0.001" in error.message.orEmpty())
    }

    @Test
    fun `without a cohort there is no top`() {
        val table = read(fields + ("cohort" to "null") + ("top" to "null")).scoring
        assertNull(table?.cohort)
        assertNull(table?.top)
    }

    @Test
    fun `what is missing, unknown or impossible is named`() {
        for (key in fields.keys) named(key, fields - key)
        named("cosine", fields + ("cosine" to "1"))
        val impossible = listOf("cohort", "top", "offset", "score").map { it to "true" } +
            listOf("cohort" to "0", "cohort" to "200.5", "cohort" to "\"200\"", "cohort" to "-2") +
            listOf("top" to "201", "top" to "1", "top" to "null", "top" to "-20") +
            listOf("offset" to "null", "offset" to "\"0\"", "score" to "0", "score" to "-1") +
            listOf("duration" to "null", "duration" to "2", "level" to "[]", "level" to "{}") +
            listOf("thresholds" to "null", "thresholds" to "{\"eer\": null}")
        for ((key, value) in impossible) named(key, fields + (key to value))
        named("top", fields + ("cohort" to "null"))
        named("top", fields + ("cohort" to "1") + ("top" to "1"))
    }

    @Test
    fun `measures in disorder are named`() {
        for (key in duration.keys) {
            named("duration.$key", fields + ("duration" to Cards.json(duration - key)))
            named("level.$key", fields + ("level" to Cards.json(level + (key to "null"))))
        }
        named("level.mean", fields + ("level" to Cards.json(level + ("mean" to "1"))))
        named("duration.lowest", fields + ("duration" to Cards.json(duration + ("lowest" to "0"))))
        for ((key, value) in listOf("lowest" to "3", "highest" to "2", "typical" to "8")) {
            val disorder = Cards.json(duration + (key to value))
            named("duration.typical", fields + ("duration" to disorder))
        }
    }

    @Test
    fun `numbers without end and those that are none are refused`() {
        for (value in listOf("1e999", "-1e999", "NaN", "Infinity")) {
            for (key in listOf("cohort", "top", "offset", "score")) refused(fields + (key to value))
            for ((name, measure) in listOf("duration" to duration, "level" to level)) {
                for (key in measure.keys) {
                    refused(fields + (name to Cards.json(measure + (key to value))))
                }
            }
            refused(fields + ("thresholds" to "{\"eer\": $value}"))
        }
    }

    @Test
    fun `what is no table is refused`() {
        for (value in listOf("null", "[]", "1", "\"cosine\"")) {
            val message = Cards.refused(Cards.json(card(value)))
            assertEquals("'decision.scoring' of its model card must be a table", message)
        }
    }

    private fun card(scoring: String) = Cards.nested("decision") { it + ("scoring" to scoring) }

    private fun read(fields: Map<String, String>) =
        ModelCard.fromJson(Cards.json(card(Cards.json(fields))))

    private fun named(key: String, fields: Map<String, String>) {
        val message = refused(fields)
        assertTrue("$key: $message", "'decision.scoring.$key" in message)
    }

    private fun refused(fields: Map<String, String>): String {
        val message = Cards.refused(Cards.json(card(Cards.json(fields))))
        assertTrue(message, '\n' !in message && message.length in 1..200)
        return message
    }

    private fun numbers(measure: ScoringTable.Measure) =
        listOf(measure.weight, measure.lowest, measure.typical, measure.highest)
}
