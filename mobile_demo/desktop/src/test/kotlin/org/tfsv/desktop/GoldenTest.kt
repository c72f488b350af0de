package org.tfsv.desktop

import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Assume.assumeTrue
import org.junit.Before
import org.junit.Test
import org.tfsv.core.audio.Wav
import org.tfsv.core.model.ModelFile
import org.tfsv.core.selftest.SelfTest
import org.tfsv.core.voice.Embedder
import org.tfsv.core.voice.LongRecording
import org.tfsv.core.voice.Scoring

/** The same answer as Python, with the library that Python uses. */
class GoldenTest {
    private val factory: LiteRtFactory by lazy { LiteRtFactory(checkNotNull(Places.liteRt)) }

    @Before
    fun libraryIsThere() {
        assumeTrue("-Dtfsv.litert: the path of libLiteRt.so", Places.liteRt != null)
    }

    @Test
    fun `everything agrees with Python`() {
        val tolerance = SelfTest.Tolerance.SAME_KIND
        val lines = SelfTest.run(Places.goldenSource, factory, tolerance).toList()
        val failed = lines.filter { !it.passed }
        assertEquals("", failed.joinToString { "${it.model} ${it.check} ${it.subject}" })
        val models = lines.map { it.model }.toSet().size
        assertEquals(9, models)
        assertEquals(models * (1 + 6 + 4 + 4), lines.size)
    }

    @Test
    fun `a model that decodes its codes itself gives nearly the same embedding`() {
        val sound = sound("speaker0_0.wav")
        for (name in listOf("packed_1bit", "packed_2bit", "packed_4bit", "packed_mixed")) {
            val file = model(name)
            val expanded = factory.open(file.expanded(), 1).use { LongRecording.embed(it, sound) }
            val decoding = factory.open(file.plain(), 1).use { LongRecording.embed(it, sound) }
            assertTrue(name, Scoring.cosine(expanded, decoding) > 0.999)
        }
    }

    @Test
    fun `lengths may change and come back`() {
        factory.open(model("packed_2bit").expanded(), 1).use { embedder: Embedder ->
            val sound = sound("speaker1_0.wav")
            val first = embedder.embed(sound)
            assertEquals(32, embedder.size)
            assertTrue(Scoring.cosine(first, embedder.embed(sound.copyOf(9000))) < 0.9999)
            assertEquals(first.asList(), embedder.embed(sound).asList())
        }
    }

    @Test
    fun `level changes no embedding`() {
        val sound = sound("speaker0_0.wav")
        for (name in listOf("packed_1bit", "packed_2bit", "packed_4bit", "packed_mixed")) {
            factory.open(model(name).expanded(), 1).use { embedder ->
                val plain = embedder.embed(sound)
                for (factor in listOf(0.01f, 4f, 16f)) {
                    val scaled = embedder.embed(FloatArray(sound.size) { factor * sound[it] })
                    assertEquals("$name $factor", 1.0, Scoring.cosine(plain, scaled).toDouble(), 1e-3)
                }
            }
        }
    }

    private fun model(name: String): ModelFile {
        val file = "$name.tflite"
        return ModelFile.read(Places.goldenSource.read(file), file)
    }

    private fun sound(name: String): FloatArray =
        Wav.read(Places.goldenSource.read(name), name).forModel()
}
