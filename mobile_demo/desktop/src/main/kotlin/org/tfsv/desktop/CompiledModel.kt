package org.tfsv.desktop

import com.sun.jna.Memory
import com.sun.jna.Pointer
import com.sun.jna.ptr.LongByReference
import com.sun.jna.ptr.PointerByReference
import java.io.Closeable
import java.nio.ByteBuffer

/** A model that the LiteRT of the Python package has compiled for one thread of the processor. */
internal class CompiledModel(
    private val liteRt: LiteRt,
    private val environment: Pointer,
    content: ByteBuffer,
) : Closeable {
    // LiteRT reads constants where they are, so the copy lives as long as the model does.
    private val memory = Memory(content.capacity() + ALIGNMENT).align(ALIGNMENT.toInt())
    private val model: Pointer
    private val options: Pointer
    private val compiled: Pointer

    /** Names of the inputs, in the order of LiteRT. */
    val inputs: List<String>

    /** Names of the outputs, in the order of LiteRT. */
    val outputs: List<String>

    init {
        val bytes = content.capacity().toLong()
        memory.getByteBuffer(0, bytes).put(content.duplicate())
        model = Calls.created("the model") {
            liteRt.LiteRtCreateModelFromBuffer(environment, memory, bytes, it)
        }
        val signature = Calls.created("the model") { liteRt.LiteRtGetModelSignature(model, 0, it) }
        inputs = names(
            { liteRt.LiteRtGetNumSignatureInputs(signature, it) },
            { number, out -> liteRt.LiteRtGetSignatureInputName(signature, number, out) },
        )
        outputs = names(
            { liteRt.LiteRtGetNumSignatureOutputs(signature, it) },
            { number, out -> liteRt.LiteRtGetSignatureOutputName(signature, number, out) },
        )
        options = Calls.created("options", liteRt::LiteRtCreateOptions)
        Calls.done("options", liteRt.LiteRtSetOptionsHardwareAccelerators(options, LiteRt.CPU))
        compiled = Calls.created("the model") {
            liteRt.LiteRtCreateCompiledModel(environment, model, options, it)
        }
    }

    /** Gives an input another shape; buffers of all outputs have to be made anew. */
    fun resize(input: Int, shape: List<Int>) {
        val sides = shape.toIntArray()
        val rank = shape.size.toLong()
        val status =
            liteRt.LiteRtCompiledModelResizeInputTensor(compiled, 0, input.toLong(), sides, rank)
        Calls.done("an input's length", status)
    }

    /** Shapes of the outputs, as they follow from those of the inputs. */
    fun outputShapes(): List<List<Int>> {
        val layouts = Memory(outputs.size * TensorBuffer.LAYOUT_BYTES)
        val count = outputs.size.toLong()
        val status =
            liteRt.LiteRtGetCompiledModelOutputTensorLayouts(compiled, 0, count, layouts, 1)
        Calls.done("the outputs' shapes", status)
        return outputs.indices.map { TensorBuffer.shape(layouts, it * TensorBuffer.LAYOUT_BYTES) }
    }

    /** A new buffer for an input of this shape. */
    fun input(number: Int, shape: List<Int>): TensorBuffer {
        val needed = Calls.created("a tensor") {
            liteRt.LiteRtGetCompiledModelInputBufferRequirements(compiled, 0, number.toLong(), it)
        }
        return TensorBuffer(liteRt, environment, needed, shape)
    }

    /** A new buffer for an output of this shape. */
    fun output(number: Int, shape: List<Int>): TensorBuffer =
        TensorBuffer(liteRt, environment, requirements(number), shape)

    /** Elements that an output has. */
    fun elements(output: Int): Int = TensorBuffer.elements(liteRt, requirements(output))

    /** Computes the outputs of the inputs, each in the order of LiteRT. */
    fun run(inputs: List<TensorBuffer>, outputs: List<TensorBuffer>) {
        val status = liteRt.LiteRtRunCompiledModel(
            compiled,
            0,
            inputs.size.toLong(),
            Array(inputs.size) { inputs[it].handle },
            outputs.size.toLong(),
            Array(outputs.size) { outputs[it].handle },
        )
        Calls.done("the recording", status)
    }

    override fun close() {
        liteRt.LiteRtDestroyCompiledModel(compiled)
        liteRt.LiteRtDestroyOptions(options)
        liteRt.LiteRtDestroyModel(model)
    }

    private fun requirements(output: Int) = Calls.created("a tensor") {
        liteRt.LiteRtGetCompiledModelOutputBufferRequirements(compiled, 0, output.toLong(), it)
    }

    private fun names(
        count: (LongByReference) -> Int,
        name: (Long, PointerByReference) -> Int,
    ): List<String> {
        val number = LongByReference()
        Calls.done("the model", count(number))
        return List(number.value.toInt()) { place ->
            Calls.created("the model") { name(place.toLong(), it) }.getString(0)
        }
    }

    private companion object {
        const val ALIGNMENT = 64L
    }
}
