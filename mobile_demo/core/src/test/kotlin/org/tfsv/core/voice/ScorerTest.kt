package org.tfsv.core.voice

import java.util.Random
import kotlin.math.abs
import kotlin.math.ln
import kotlin.math.max
import kotlin.math.pow
import kotlin.math.sqrt
import org.json.JSONObject
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertNull
import org.junit.Assert.assertSame
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test
import org.tfsv.core.BadInput
import org.tfsv.core.Goldens
import org.tfsv.core.audio.Sound
import org.tfsv.core.model.Cohort
import org.tfsv.core.model.Forger
import org.tfsv.core.model.Metadata
import org.tfsv.core.model.ModelFile
import org.tfsv.core.model.ScoringTable

class ScorerTest {
    private val normalised = file("packed_4bit")
    private val calibrated = file("int8")

    @Test
    fun `a score is what the page says, and the same for exchanged sides`() {
        val voices = voices(6)
        for (file in listOf(normalised, calibrated)) {
            val scorer = Scorer.of(file)
            assertEquals(Scale.RATIO, scorer.scale)
            for ((enrol, test) in voices.zipWithNext()) {
                val score = scorer.score(enrol, test)
                assertEquals(byHand(file, enrol, test), score, 1e-9)
                assertEquals(score, scorer.score(test, enrol), 1e-12)
            }
        }
    }

    @Test
    fun `lengths of embeddings do not matter`() {
        val (enrol, test) = voices(2)
        val longer = Voice(FloatArray(SIZE) { 8 * enrol.embedding[it] }, enrol.sound)
        val scorer = Scorer.of(normalised)
        assertEquals(scorer.score(enrol, test), scorer.score(longer, test), 1e-9)
    }

    @Test
    fun `what is not known is typical`() {
        val table = checkNotNull(normalised.card.scoring)
        val (enrol, test) = voices(2)
        val scorer = Scorer.of(normalised)
        val unknown = Voice(enrol.embedding, null)
        val typical = test.sound?.let {
            Sound(table.duration.typical, it.level + table.level.typical)
        }
        val expected = scorer.score(Voice(enrol.embedding, typical), test)
        assertEquals(expected, scorer.score(unknown, test), 1e-9)
    }

    @Test
    fun `a file without a calibration scores by cosine`() {
        val (enrol, test) = voices(2)
        val scorer = Scorer.of(file("packed_2bit"))
        assertSame(Scorer.COSINE, scorer)
        assertEquals(Scale.COSINE, scorer.scale)
        val cosine = Scoring.cosine(enrol.embedding, test.embedding)
        assertEquals(cosine, scorer.score(enrol, test), 0.0)
    }

    @Test
    fun `equal vectors of a cohort divide by no zero`() {
        val forger = Forger(Goldens.read("packed_4bit.tflite"))
        val place = checkNotNull(Metadata.find(forger.file, Metadata.COHORT))
        val header = ByteArray(10) { forger.file[place.start + it] }
        forger.entry(Metadata.COHORT, header + ByteArray(24 * SIZE) { 1 })
        val file = ModelFile.read(forger.sealed(), "a")
        val (enrol, test) = voices(2)
        val score = Scorer.of(file).score(enrol, test)
        assertEquals(byHand(file, enrol, test), score, 1e-9)
        assertTrue("$score", abs(score) > 100)
    }

    @Test
    fun `embeddings of another size and without a direction are refused`() {
        val voice = voices(1).single()
        for (wrong in listOf(FloatArray(SIZE), FloatArray(SIZE) { Float.NaN })) {
            for (scorer in listOf(Scorer.COSINE, Scorer.of(normalised), Scorer.of(calibrated))) {
                refused { scorer.score(Voice(wrong, null), voice) }
            }
        }
        val longer = Voice(FloatArray(SIZE + 1) { 1f }, null)
        refused { Scorer.of(normalised).score(longer, longer) }
        refused { Scorer.of(normalised).score(longer, voice) }
    }

    @Test
    fun `numbers of a card that lead nowhere are no answer`() {
        val forger = Forger(Goldens.read("int8.tflite"))
        val place = checkNotNull(Metadata.find(forger.file, Metadata.CARD))
        val text = String(ByteArray(place.size) { forger.file[place.start + it] })
        val card = JSONObject(text)
        val table = card.getJSONObject("decision").getJSONObject("scoring")
        for (key in listOf("offset", "score")) table.put(key, 1.7e308)
        forger.entry(Metadata.CARD, card.toString().toByteArray())
        val scorer = Scorer.of(ModelFile.read(forger.sealed(), "a"))
        val voice = voices(1).single()
        refused { scorer.score(voice, voice) }
    }

    @Test
    fun `several recordings are one side`() {
        val (first, second) = voices(2)
        val joined = Voice.joined(listOf(first, second))
        val sound = checkNotNull(joined.sound)
        assertEquals(2 * average(first, second) { seconds }, sound.seconds, 1e-9)
        assertEquals(average(first, second) { level }, sound.level, 1e-9)
        assertEquals(1.0, Vectors.length(joined.embedding), 1e-6)
        assertNull(Voice.joined(listOf(first, Voice(second.embedding, null))).sound)
    }

    /** The page of the format, step by step. */
    private fun byHand(file: ModelFile, enrol: Voice, test: Voice): Double {
        val table = checkNotNull(file.card.scoring)
        val (a, b) = listOf(enrol, test).map { unit(it.embedding.map(Float::toDouble)) }
        val cosine = a.zip(b) { x, y -> x * y }.sum()
        val cohort = file.cohort
        val halves = listOf(a, b).map { side ->
            if (cohort == null) cosine else half(cosine, side, cohort, checkNotNull(table.top))
        }
        val score = halves.average()
        val sounds = listOf(enrol, test).map { checkNotNull(it.sound) }
        val seconds = sounds.map { clipped(it.seconds, table.duration) / table.duration.typical }
        val apart = clipped(abs(sounds[0].level - sounds[1].level), table.level)
        return table.offset + table.score * score + table.duration.weight * seconds.sumOf(::ln) +
            table.level.weight * (apart - table.level.typical) +
            listOf(a, b).sumOf { side -> fromMean(side, cohort, table) }
    }

    private fun fromMean(side: List<Double>, cohort: Cohort?, table: ScoringTable): Double {
        val measure = table.imposterMean ?: return 0.0
        val mean = highest(side, checkNotNull(cohort), checkNotNull(table.top)).average()
        return measure.weight * (clipped(mean, measure) - measure.typical)
    }

    private fun highest(side: List<Double>, cohort: Cohort, top: Int): List<Double> {
        val cosines = List(cohort.size) { vector ->
            val other = unit(List(SIZE) { cohort.value(vector, it).toDouble() })
            side.zip(other) { x, y -> x * y }.sum()
        }
        return cosines.sortedDescending().take(top)
    }

    private fun half(cosine: Double, side: List<Double>, cohort: Cohort, top: Int): Double {
        val highest = highest(side, cohort, top)
        val deviation = sqrt(highest.sumOf { (it - highest.average()).pow(2) } / top)
        return (cosine - highest.average()) / max(deviation, 0.001)
    }

    private fun clipped(value: Double, measure: ScoringTable.Measure) = when {
        value < measure.lowest -> measure.lowest
        value > measure.highest -> measure.highest
        else -> value
    }

    private fun unit(vector: List<Double>): List<Double> {
        val length = sqrt(vector.sumOf { it * it })
        return vector.map { it / length }
    }

    private fun average(first: Voice, second: Voice, what: Sound.() -> Double) =
        listOf(first, second).map { checkNotNull(it.sound).what() }.average()

    private fun voices(count: Int): List<Voice> {
        val random = Random(4)
        return List(count) {
            val embedding = FloatArray(SIZE) { random.nextGaussian().toFloat() }
            Voice(embedding, Sound(0.3 + 3 * random.nextDouble(), -30 + 10 * random.nextDouble()))
        }
    }

    private fun refused(score: () -> Double) {
        val message = assertThrows(BadInput::class.java) { score() }.message.orEmpty()
        assertFalse(message, message.isEmpty() || '\n' in message)
    }

    private fun file(name: String) = ModelFile.read(Goldens.read("$name.tflite"), name)

    private companion object {
        const val SIZE = 32
    }
}
