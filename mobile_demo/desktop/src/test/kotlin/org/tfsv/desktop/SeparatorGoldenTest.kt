package org.tfsv.desktop

import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.security.MessageDigest
import kotlin.math.sqrt
import org.json.JSONObject
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Assume.assumeTrue
import org.junit.Before
import org.junit.Test
import org.tfsv.core.BadInput
import org.tfsv.core.separation.Runner
import org.tfsv.core.separation.SeparatorFile
import org.tfsv.core.separation.SeparatorStream

/** The same sound as Python's streams, with the library that Python uses. */
class SeparatorGoldenTest {
    private val runners: LiteRtRunners by lazy { LiteRtRunners(checkNotNull(Places.liteRt)) }
    private val goldens by lazy {
        val index = JSONObject(String(Places.goldenSource.read("goldens.json")))
        index.getJSONArray("separators").let { List(it.length(), it::getJSONObject) }
    }

    @Before
    fun libraryIsThere() {
        assumeTrue("-Dtfsv.litert: the path of libLiteRt.so", Places.liteRt != null)
    }

    @Test
    fun `pieces of any size give what Python's stream gives`() {
        assertEquals(2, goldens.size)
        for (golden in goldens) {
            val wanted = wanted(golden)
            val file = file(golden)
            val own = golden.getJSONArray("pieces").let { List(it.length(), it::getInt) }
            runners.open(file.expanded(), 1).use { runner ->
                for (sizes in listOf(own, listOf(256), listOf(1, 700, 255), listOf(5000))) {
                    for (hops in listOf(1, 3)) {
                        val stream = stream(golden, file, runner, hops)
                        val sound = inPieces(stream, mixture(golden), sizes)
                        val error = error(sound, wanted)
                        assertTrue("${file.name} $sizes $hops: $error", error < 1e-4)
                    }
                }
            }
        }
    }

    @Test
    fun `files expand to Python's bytes`() {
        for (golden in goldens) {
            val file = file(golden)
            assertEquals(golden.getString("sha256"), file.sha256)
            val digest = MessageDigest.getInstance("SHA-256")
            digest.update(file.expanded())
            val expanded = digest.digest().joinToString("") { "%02x".format(it) }
            assertEquals(golden.getString("expanded_sha256"), expanded)
        }
    }

    @Test
    fun `a separator that decodes its codes itself gives the same sound`() {
        for (golden in goldens) {
            val file = file(golden)
            runners.open(file.plain(), 1).use { runner ->
                val stream = stream(golden, file, runner)
                val sound = inPieces(stream, mixture(golden), listOf(1000))
                assertTrue(error(sound, wanted(golden)) < 1e-4)
            }
        }
    }

    @Test
    fun `a stream that was reset or finished begins anew bit for bit`() {
        for (golden in goldens) {
            val file = file(golden)
            val heard = mixture(golden)
            runners.open(file.expanded(), 1).use { runner ->
                val stream = stream(golden, file, runner)
                val first = inPieces(stream, heard, listOf(256))
                assertArrayEquals(first, inPieces(stream, heard, listOf(256)), 0f)
                stream.push(heard.map { it.copyOfRange(500, 2000) })
                stream.reset()
                assertArrayEquals(first, inPieces(stream, heard, listOf(700)), 0f)
            }
        }
    }

    @Test
    fun `streams of one runner do not hear each other`() {
        val golden = goldens[1]
        val file = file(golden)
        val heard = mixture(golden)
        runners.open(file.expanded(), 1).use { runner ->
            val hops = listOf(1, 2)
            val alone = hops.map { inPieces(stream(golden, file, runner, it), heard, listOf(512)) }
            val streams = hops.map { stream(golden, file, runner, it) }
            val told = hops.map { ArrayList<Float>() }
            for (first in heard[0].indices step 512) {
                val end = minOf(first + 512, heard[0].size)
                val piece = heard.map { it.copyOfRange(first, end) }
                for ((stream, sound) in streams.zip(told)) sound += stream.push(piece).asList()
            }
            for ((stream, sound) in streams.zip(told)) sound += stream.finish().asList()
            for ((sound, wanted) in told.zip(alone)) {
                assertArrayEquals(wanted, sound.toFloatArray(), 0f)
            }
        }
    }

    @Test
    fun `other inputs are refused in a line`() {
        runners.open(file(goldens[0]).expanded(), 1).use { runner ->
            val error = assertThrows(BadInput::class.java) { runner.run(emptyMap()) }
            assertEquals("The model takes other inputs than []; export it again.", error.message)
        }
    }

    private fun file(golden: JSONObject): SeparatorFile {
        val name = golden.getString("file")
        return SeparatorFile.read(Places.goldenSource.read(name), name)
    }

    private fun stream(golden: JSONObject, file: SeparatorFile, runner: Runner, hops: Int = 1) =
        SeparatorStream(file.card, runner, golden.getDouble("angle").toFloat(), hops)

    private fun wanted(golden: JSONObject): FloatArray {
        val content = Places.goldenSource.read(golden.getString("separated"))
        val numbers = ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer()
        return FloatArray(numbers.remaining()).also { numbers.get(it) }
    }

    /** The channels of a 16-bit WAV file of the shortest header. */
    private fun mixture(golden: JSONObject): List<FloatArray> {
        val content = Places.goldenSource.read(golden.getString("mixture"))
        val file = ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN)
        val channels = file.getShort(CHANNELS).toInt()
        val samples = (content.size - HEADER) / Short.SIZE_BYTES / channels
        return List(channels) { channel ->
            FloatArray(samples) { sample ->
                file.getShort(HEADER + Short.SIZE_BYTES * (sample * channels + channel)) / 32768f
            }
        }
    }

    private fun inPieces(
        stream: SeparatorStream,
        heard: List<FloatArray>,
        sizes: List<Int>,
    ): FloatArray {
        val told = ArrayList<Float>()
        var first = 0
        var number = 0
        while (first < heard[0].size) {
            val end = minOf(first + sizes[number++ % sizes.size], heard[0].size)
            told += stream.push(heard.map { it.copyOfRange(first, end) }).asList()
            first = end
        }
        return (told + stream.finish().asList()).toFloatArray()
    }

    /** Size of the difference relative to what is wanted. */
    private fun error(sound: FloatArray, wanted: FloatArray): Double {
        assertEquals(wanted.size, sound.size)
        val difference = sound.indices.sumOf { square(sound[it] - wanted[it]) }
        return sqrt(difference / wanted.sumOf { square(it) })
    }

    private fun square(number: Float) = number.toDouble() * number

    private companion object {
        const val CHANNELS = 22
        const val HEADER = 44
    }
}
