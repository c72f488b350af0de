package org.tfsv.core.selftest

import java.io.IOException
import org.json.JSONObject
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test
import org.tfsv.core.BadInput
import org.tfsv.core.Goldens
import org.tfsv.core.model.ModelFile
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
            Answers(models.next().embeddings().iterator()).also(opened::add)
        }
        val lines = SelfTest.run(source, factory, SelfTest.Tolerance.SAME_KIND).toList()
        assertTrue(lines.all { it.passed && it.error == null && it.milliseconds >= 0 })
        assertEquals(goldens.models.map { it.name }, lines.map { it.model }.distinct())
        assertTrue(opened.all { it.closed })
        val accepted = goldens.models.flatMap { it.scores }.map { it.accepted }.toSet()
        assertEquals(setOf(true, false), accepted)
    }

    @Test
    fun `wrong answers fail, what does not need them passes`() {
        val axes = List(6) { axis -> FloatArray(32).also { it[axis] = 1f } }
        val factory = EmbedderFactory { _, _ -> Answers(axes.iterator()) }
        for (line in SelfTest.run(source, factory)) {
            assertEquals(line.check in setOf(Check.EXPANSION, Check.SCORE), line.passed)
        }
    }

    @Test
    fun `the last bit matters to the same kind of machine only`() {
        val goldens = org.tfsv.core.selftest.Goldens.read(source)
        val exact = goldens.models.first { it.exact }
        for (tolerance in SelfTest.Tolerance.values()) {
            val answers = exact.embeddings().map { golden ->
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
    fun `scores of Python's embeddings are Python's, of all kinds`() {
        val goldens = org.tfsv.core.selftest.Goldens.read(source)
        val models = goldens.models.iterator()
        val factory = EmbedderFactory { _, _ -> Answers(models.next().embeddings().iterator()) }
        val lines = SelfTest.run(source, factory).filter { it.check == Check.SCORE }.toList()
        assertEquals(goldens.models.size * goldens.trials.size, lines.size)
        for (line in lines) assertTrue(line.model, checkNotNull(line.result).difference <= 1e-5)
        val kinds = goldens.models.map { model ->
            ModelFile.read(source.read(model.file), model.file).run {
                (card.scoring != null) to (cohort != null)
            }
        }
        assertEquals(setOf(false to false, true to false, true to true), kinds.toSet())
    }

    @Test
    fun `sound that differs from Python's is noticed by models that are calibrated`() {
        val changed = GoldenSource { name ->
            val content = source.read(name)
            if (!name.endsWith(".json")) return@GoldenSource content
            val index = JSONObject(String(content))
            val sounds = index.getJSONArray("sounds")
            for (i in 0 until sounds.length()) sounds.getJSONObject(i).put("seconds", 1.0 + i)
            index.toString().toByteArray()
        }
        val goldens = org.tfsv.core.selftest.Goldens.read(source)
        val models = goldens.models.iterator()
        val answers = EmbedderFactory { _, _ -> Answers(models.next().embeddings().iterator()) }
        val lines = SelfTest.run(changed, answers).filter { it.check == Check.SCORE }.toList()
        val failed = lines.filter { !it.passed }.map { it.model }.toSet()
        assertEquals(setOf("int8", "packed_4bit"), failed)
    }

    @Test
    fun `a model that the interpreter refuses is a line with the reason`() {
        val factory = EmbedderFactory { _, _ -> throw BadInput("No memory.") }
        val lines = SelfTest.run(source, factory).toList()
        assertEquals(9, lines.count { it.error == "No memory." })
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

    private fun org.tfsv.core.selftest.Goldens.Model.embeddings() =
        voices.values.map { it.embedding }
}
