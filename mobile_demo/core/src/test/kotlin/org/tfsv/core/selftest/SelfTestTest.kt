package org.tfsv.core.selftest

import java.io.IOException
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test
import org.tfsv.core.BadInput
import org.tfsv.core.Goldens
import org.tfsv.core.selftest.SelfTest.Check
import org.tfsv.core.voice.Embedder
import org.tfsv.core.voice.EmbedderFactory

class SelfTestTest {
    private val source = GoldenSource(Goldens::read)

    /** An embedder that answers, utterance by utterance, with what it was given. */
    private class Answers(private val answers: Iterator<FloatArray>) : Embedder {
        var closed = false
        override val size = 32

        override fun embed(waveform: FloatArray): FloatArray = answers.next()

        override fun close() {
            closed = true
        }
    }

    @Test
    fun `golden answers pass`() {
        val goldens = org.tfsv.core.selftest.Goldens.read(source)
        val models = goldens.models.iterator()
        val opened = ArrayList<Answers>()
        val factory = EmbedderFactory { _, _ ->
            Answers(models.next().embeddings.values.iterator()).also(opened::add)
        }
        val lines = SelfTest.run(source, factory, SelfTest.Tolerance.SAME_KIND).toList()
        assertTrue(lines.all { it.passed && it.error == null && it.milliseconds >= 0 })
        assertEquals(goldens.models.map { it.name }, lines.map { it.model }.distinct())
        assertTrue(opened.all { it.closed })
        val accepted = goldens.models.flatMap { it.scores }.map { it.accepted }.toSet()
        assertEquals(setOf(true, false), accepted)
    }

    @Test
    fun `wrong answers fail, expansion does not`() {
        val wrong = FloatArray(32).also { it[0] = 1f }
        val factory = EmbedderFactory { _, _ -> Answers(generateSequence { wrong }.iterator()) }
        for (line in SelfTest.run(source, factory)) {
            assertEquals(line.check == Check.EXPANSION, line.passed)
        }
    }

    @Test
    fun `the last bit matters to the same kind of machine only`() {
        val goldens = org.tfsv.core.selftest.Goldens.read(source)
        val exact = goldens.models.first { it.exact }
        for (tolerance in SelfTest.Tolerance.values()) {
            val answers = exact.embeddings.values.map { golden ->
                golden.copyOf().also { it[0] = Math.nextUp(it[0]) }
            }
            val factory = EmbedderFactory { _, _ -> Answers(answers.iterator()) }
            val line = SelfTest.run(source, factory, tolerance)
                .first { it.model == exact.name && it.check == Check.EMBEDDING }
            assertEquals(tolerance == SelfTest.Tolerance.OTHER_KIND, line.passed)
            assertFalse(line.result?.identical ?: true)
        }
    }

    @Test
    fun `a model that the interpreter refuses is a line with the reason`() {
        val factory = EmbedderFactory { _, _ -> throw BadInput("No memory.") }
        val lines = SelfTest.run(source, factory).toList()
        assertEquals(8, lines.count { it.error == "No memory." })
        assertTrue(lines.filter { it.check != Check.EXPANSION }.none { it.passed })
    }

    @Test
    fun `golden files that are not there are said`() {
        val factory = EmbedderFactory { _, _ -> throw BadInput("not asked") }
        val empty = GoldenSource { throw IOException(it) }
        assertThrows(IOException::class.java) { SelfTest.run(empty, factory).toList() }
        val damaged = GoldenSource { "{".toByteArray() }
        assertThrows(BadInput::class.java) { SelfTest.run(damaged, factory).toList() }
    }
}
