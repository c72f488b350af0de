package org.tfsv.desktop

import org.tfsv.core.voice.Embedder

/** A model of one input and one output that gives embeddings of waveforms. */
internal class LiteRtEmbedder(private val model: CompiledModel) : Embedder {
    private var input: TensorBuffer? = null
    private var output: TensorBuffer? = null
    private var samples = 0

    override val size: Int = model.elements(0)

    override fun embed(waveform: FloatArray): FloatArray {
        if (waveform.size != samples) resize(waveform.size)
        val input = checkNotNull(this.input)
        val output = checkNotNull(this.output)
        input.write(waveform)
        model.run(listOf(input), listOf(output))
        return output.read()
    }

    override fun close() {
        closeTensors()
        model.close()
    }

    private fun resize(count: Int) {
        closeTensors()
        model.resize(0, listOf(1, count))
        input = model.input(0, listOf(1, count))
        output = model.output(0, listOf(1, size))
        samples = count
    }

    private fun closeTensors() {
        input?.close()
        output?.close()
        input = null
        output = null
        samples = 0
    }
}
