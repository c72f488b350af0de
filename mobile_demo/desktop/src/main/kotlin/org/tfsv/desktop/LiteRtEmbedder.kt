package org.tfsv.desktop

import com.sun.jna.Memory
import com.sun.jna.Pointer
import java.nio.ByteBuffer
import org.tfsv.core.voice.Embedder

/** A model that the LiteRT of the Python package runs, on one thread. */
internal class LiteRtEmbedder(
    private val liteRt: LiteRt,
    private val environment: Pointer,
    content: ByteBuffer,
) : Embedder {
    // LiteRT reads constants where they are, so the copy lives as long as the model does.
    private val memory = Memory(content.capacity() + ALIGNMENT).align(ALIGNMENT.toInt())
    private val model: Pointer
    private val options: Pointer
    private val compiled: Pointer
    private var input: TensorBuffer? = null
    private var output: TensorBuffer? = null
    private var samples = 0

    init {
        val bytes = content.capacity().toLong()
        memory.getByteBuffer(0, bytes).put(content.duplicate())
        model = Calls.created("the model") {
            liteRt.LiteRtCreateModelFromBuffer(environment, memory, bytes, it)
        }
        options = Calls.created("options", liteRt::LiteRtCreateOptions)
        Calls.done("options", liteRt.LiteRtSetOptionsHardwareAccelerators(options, LiteRt.CPU))
        compiled = Calls.created("the model") {
            liteRt.LiteRtCreateCompiledModel(environment, model, options, it)
        }
    }

    override val size: Int = TensorBuffer.elements(liteRt, outputRequirements())

    override fun embed(waveform: FloatArray): FloatArray {
        if (waveform.size != samples) resize(waveform.size)
        val input = checkNotNull(this.input)
        val output = checkNotNull(this.output)
        input.write(waveform)
        val inputs = arrayOf(input.handle)
        val outputs = arrayOf(output.handle)
        val status = liteRt.LiteRtRunCompiledModel(compiled, 0, 1, inputs, 1, outputs)
        Calls.done("the recording", status)
        return output.read()
    }

    override fun close() {
        closeTensors()
        liteRt.LiteRtDestroyCompiledModel(compiled)
        liteRt.LiteRtDestroyOptions(options)
        liteRt.LiteRtDestroyModel(model)
    }

    private fun resize(count: Int) {
        closeTensors()
        val sides = intArrayOf(1, count)
        val status = liteRt.LiteRtCompiledModelResizeInputTensor(compiled, 0, 0, sides, 2)
        Calls.done("the recording's length", status)
        val needed = Calls.created("a tensor") {
            liteRt.LiteRtGetCompiledModelInputBufferRequirements(compiled, 0, 0, it)
        }
        input = TensorBuffer(liteRt, environment, needed, count)
        output = TensorBuffer(liteRt, environment, outputRequirements(), size)
        samples = count
    }

    private fun outputRequirements() = Calls.created("a tensor") {
        liteRt.LiteRtGetCompiledModelOutputBufferRequirements(compiled, 0, 0, it)
    }

    private fun closeTensors() {
        input?.close()
        output?.close()
        input = null
        output = null
        samples = 0
    }

    private companion object {
        const val ALIGNMENT = 64L
    }
}
