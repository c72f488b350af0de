package org.tfsv.core.separation

import org.tfsv.core.BadInput

/**
 * One stream of sound through a causal separator, as `SeparatorStream` of the Python package.
 *
 * A sample comes out when the hop behind its own has been heard, 16 to 32 ms after it was spoken.
 * All together is what the separator gives of the whole recording. Many streams may share one
 * runner, on one thread. A stream whose runner failed has to be [reset].
 *
 * @param card of the separator.
 * @param runner runs the separator's file; it is not closed with the stream.
 * @property angle the asked angle, degrees; 0 is the side of microphone 1. It may be changed
 *   between pieces.
 * @param hops of 256 samples that are computed at once. More of them are quicker and come later.
 * @throws BadInput `hops` is below 1.
 */
class SeparatorStream(
    card: SeparatorCard,
    private val runner: Runner,
    var angle: Float,
    hops: Int = 1,
) {
    private val microphones = card.microphones
    private val piece: Int
    private val shapes = Pasts.shapes(card)
    private val waiting: FloatArray // the beginning of the next piece, microphone by microphone
    private var past = emptyMap<String, FloatArray>()
    private var collected = 0 // samples of each microphone that wait
    private var owed = 0L // samples that were heard and have not come out
    private var skipped = 0 // samples of before the beginning that are still to come

    init {
        if (hops !in 1..MOST_HOPS) {
            throw BadInput("A stream of $hops hops at once cannot be; choose 1 to $MOST_HOPS.")
        }
        piece = hops * Pasts.HOP
        waiting = FloatArray(microphones * piece)
        reset()
    }

    /** Forgets all that was heard; what comes next begins a recording. */
    fun reset() {
        past = shapes.mapValues { (_, shape) -> FloatArray(shape.reduce(Int::times)) }
        collected = 0
        owed = 0
        skipped = Pasts.HOP
    }

    /**
     * Takes what the microphones heard next.
     *
     * @param heard an array for each microphone, all of one length: 16 kHz, any number of samples.
     * @return the sound that can be told by now, perhaps none.
     * @throws BadInput there are other microphones or unequal lengths, or the model fails.
     */
    fun push(heard: List<FloatArray>): FloatArray {
        check(heard)
        val samples = heard[0].size
        owed += samples
        val sounds = ArrayList<FloatArray>()
        var start = 0
        while (start < samples) {
            val end = minOf(start + piece - collected, samples)
            for ((microphone, sound) in heard.withIndex()) {
                sound.copyInto(waiting, microphone * piece + collected, start, end)
            }
            collected += end - start
            start = end
            if (collected == piece) sounds += computed()
        }
        return told(sounds)
    }

    /**
     * The rest of the sound, and a stream that is reset.
     *
     * @return as many samples as were pushed and have not come out.
     * @throws BadInput the model fails.
     */
    fun finish(): FloatArray {
        val sounds = ArrayList<FloatArray>()
        var rest = if (owed == 0L) 0 else owed + skipped
        while (rest > 0) {
            for (microphone in 0 until microphones) {
                waiting.fill(0f, microphone * piece + collected, (microphone + 1) * piece)
            }
            sounds += computed()
            rest -= piece
        }
        return told(sounds).also { reset() }
    }

    private fun check(heard: List<FloatArray>) {
        if (heard.size != microphones) {
            throw BadInput(
                "The separator hears with $microphones microphones and not ${heard.size}; " +
                    "use the array that its card describes.",
            )
        }
        if (heard.any { it.size != heard[0].size }) {
            throw BadInput("Microphones have different numbers of samples; give equally many.")
        }
    }

    /** What the separator makes of the piece that waits. */
    private fun computed(): FloatArray {
        val inputs = past.entries.associate { (name, numbers) ->
            SeparatorPorts.BEFORE + name to Values(shapes.getValue(name), numbers)
        }
        val outputs = runner.run(
            inputs + mapOf(
                SeparatorPorts.MIXTURE to Values(listOf(1, microphones, piece), waiting),
                SeparatorPorts.ANGLE to Values(listOf(1), floatArrayOf(angle)),
            ),
        )
        val kept = past.mapValues { (name, numbers) ->
            output(outputs, SeparatorPorts.AFTER + name, numbers.size)
        }
        val sound = output(outputs, SeparatorPorts.SEPARATED, piece)
        past = kept
        collected = 0
        return sound
    }

    private fun output(outputs: Map<String, FloatArray>, name: String, size: Int): FloatArray {
        val numbers = outputs[name]
        if (numbers?.size != size) {
            throw BadInput("The separator gives no '$name' of $size numbers; export it again.")
        }
        return numbers
    }

    /** What came out, without what stands before the beginning and behind the end. */
    private fun told(sounds: List<FloatArray>): FloatArray {
        val whole = sounds.sumOf { it.size }
        val first = minOf(skipped, whole)
        val told = FloatArray(minOf((whole - first).toLong(), owed).toInt())
        var place = -first
        for (sound in sounds) {
            val from = maxOf(-place, 0)
            val to = minOf(sound.size, told.size - place)
            if (from < to) sound.copyInto(told, place + from, from, to)
            place += sound.size
        }
        skipped -= first
        owed -= told.size
        return told
    }

    private companion object {
        const val MOST_HOPS = 3750 // a minute
    }
}
