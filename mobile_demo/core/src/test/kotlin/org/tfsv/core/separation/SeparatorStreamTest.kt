package org.tfsv.core.separation

import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test
import org.tfsv.core.BadInput

class SeparatorStreamTest {
    private val card = SeparatorCard(
        stacks = 1,
        blocks = 2,
        channels = 4,
        hidden = 8,
        norm = "cumulative",
        positions = listOf(-0.1, 0.0, 0.1),
        bits = emptyMap(),
        trainedOn = "",
    )

    /** Gives microphone 1 one hop later, plus that of the last, and counts calls in a past. */
    private class Delaying(private val card: SeparatorCard) : Runner {
        val shapes = ArrayList<List<Int>>()
        val angles = ArrayList<Float>()
        val calls = ArrayList<Float>()

        override fun run(inputs: Map<String, Values>): Map<String, FloatArray> {
            val pasts = Pasts.shapes(card)
            assertEquals(pasts.keys.map { "before_$it" }.toSet() + "mixture" + "angle", inputs.keys)
            for ((name, shape) in pasts) {
                val before = inputs.getValue("before_$name")
                assertEquals(shape, before.shape)
                assertEquals(shape.reduce(Int::times), before.numbers.size)
            }
            val mixture = inputs.getValue("mixture")
            val size = mixture.shape[2]
            assertEquals(listOf(1, card.microphones, size), mixture.shape)
            shapes += mixture.shape
            angles += inputs.getValue("angle").numbers.single()
            val half = inputs.getValue("before_half").numbers
            calls += half[0]
            val before = inputs.getValue("before_samples").numbers
            val heard = Array(card.microphones) { microphone ->
                before.copyOfRange(microphone * HOP, (microphone + 1) * HOP) +
                    mixture.numbers.copyOfRange(microphone * size, (microphone + 1) * size)
            }
            val after = pasts.keys.associate { name ->
                "after_$name" to inputs.getValue("before_$name").numbers
            }
            return after + mapOf(
                "separated" to FloatArray(size) { heard.first()[it] + heard.last()[it] },
                "after_samples" to heard.flatMap { it.drop(size) }.toFloatArray(),
                "after_half" to FloatArray(HOP) { half[it] + 1 },
            )
        }

        override fun close() = Unit
    }

    @Test
    fun `pieces of any size give the sound, in order and whole`() {
        for (hops in listOf(1, 3)) {
            for (sizes in listOf(listOf(256), listOf(1, 700, 255), listOf(5000), listOf(0, 511))) {
                for (samples in listOf(1, 255, 256, 257, 3001)) {
                    val stream = SeparatorStream(card, Delaying(card), 50f, hops)
                    val told = inPieces(stream, heard(samples), sizes)
                    assertEquals("$hops $sizes $samples", wanted(samples), told)
                }
            }
        }
    }

    @Test
    fun `a sample comes out when the next hop was heard`() {
        val stream = SeparatorStream(card, Delaying(card), 50f)
        val lengths = List(8) { stream.push(heard(HOP)).size }
        assertEquals(listOf(0) + List(7) { HOP }, lengths)
        assertEquals(HOP, stream.finish().size)
        assertEquals(0, stream.finish().size)
    }

    @Test
    fun `hops at once come in pieces of so many`() {
        val runner = Delaying(card)
        val stream = SeparatorStream(card, runner, 50f, 4)
        assertEquals(0, stream.push(heard(1023)).size)
        assertEquals(3 * HOP, stream.push(heard(1)).size)
        assertEquals(HOP, stream.finish().size)
        assertEquals(List(2) { listOf(1, 3, 4 * HOP) }, runner.shapes)
    }

    @Test
    fun `what comes after an end or a reset begins a recording`() {
        val runner = Delaying(card)
        val stream = SeparatorStream(card, runner, 50f)
        inPieces(stream, heard(500), listOf(256))
        assertEquals(listOf(0f, 1f, 2f), runner.calls)
        stream.push(heard(700))
        stream.reset()
        assertEquals(wanted(600), inPieces(stream, heard(600), listOf(256)))
        assertEquals(listOf(0f, 1f, 0f, 1f, 2f, 3f), runner.calls.drop(3))
    }

    @Test
    fun `streams of one runner do not hear each other`() {
        val runner = Delaying(card)
        val streams = List(2) { SeparatorStream(card, runner, 50f * it) }
        val told = List(2) { ArrayList<Float>() }
        for (first in 0 until 2048 step 512) {
            for ((number, stream) in streams.withIndex()) {
                val piece = heard(2048).map { it.copyOfRange(first, first + 512) }
                told[number] += stream.push(piece.map { it.map { x -> x + number }.toFloatArray() })
                    .asList()
            }
        }
        for ((number, stream) in streams.withIndex()) {
            val wanted = wanted(2048).map { it + 2 * number }
            assertEquals(wanted, told[number] + stream.finish().asList())
        }
        assertEquals(setOf(0f, 50f), runner.angles.toSet())
    }

    @Test
    fun `the angle may change between pieces`() {
        val runner = Delaying(card)
        val stream = SeparatorStream(card, runner, 50f)
        stream.push(heard(HOP))
        stream.angle = 120f
        stream.push(heard(HOP))
        assertEquals(listOf(50f, 120f), runner.angles)
    }

    @Test
    fun `what does not fit is refused in a line`() {
        val runner = Delaying(card)
        val few = "A stream of 0 hops at once cannot be; choose 1 to 3750."
        assertEquals(few, refused { SeparatorStream(card, runner, 50f, 0) })
        val stream = SeparatorStream(card, runner, 50f)
        val others = "The separator hears with 3 microphones and not 2; " +
            "use the array that its card describes."
        assertEquals(others, refused { stream.push(heard(256).take(2)) })
        val unequal = "Microphones have different numbers of samples; give equally many."
        assertEquals(unequal, refused { stream.push(heard(256).take(2) + FloatArray(255)) })
        assertEquals(wanted(300), inPieces(stream, heard(300), listOf(300)))
    }

    @Test
    fun `a runner that gives something else is noticed`() {
        val runner = Delaying(card)
        val changes = listOf<(FloatArray) -> FloatArray?>({ null }, { it.copyOf(it.size + 1) })
        for (name in listOf("separated", "after_half", "after_stack1_block2_past")) {
            for (change in changes) {
                val other = object : Runner by runner {
                    override fun run(inputs: Map<String, Values>) = runner.run(inputs)
                        .mapNotNull { (key, values) ->
                            (if (key == name) change(values) else values)?.let { key to it }
                        }.toMap()
                }
                val stream = SeparatorStream(card, other, 50f)
                val message = refused { stream.push(heard(HOP)) }
                assertTrue(message, message.startsWith("The separator gives no '$name' of "))
            }
        }
    }

    /** Different numbers in each microphone, all of them exact. */
    private fun heard(samples: Int) = List(card.microphones) { microphone ->
        FloatArray(samples) { (it + 1f) * (microphone + 1) }
    }

    private fun wanted(samples: Int) = List(samples) { (it + 1f) * (1 + card.microphones) }

    private fun inPieces(
        stream: SeparatorStream,
        heard: List<FloatArray>,
        sizes: List<Int>,
    ): List<Float> {
        val told = ArrayList<Float>()
        var first = 0
        var number = 0
        while (first < heard[0].size) {
            val end = minOf(first + sizes[number++ % sizes.size], heard[0].size)
            told += stream.push(heard.map { it.copyOfRange(first, end) }).asList()
            first = end
        }
        return told + stream.finish().asList()
    }

    private fun refused(call: () -> Unit) =
        assertThrows(BadInput::class.java) { call() }.message.orEmpty()

    private companion object {
        const val HOP = Pasts.HOP
    }
}
