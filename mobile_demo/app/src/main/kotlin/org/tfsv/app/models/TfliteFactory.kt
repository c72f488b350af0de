package org.tfsv.app.models

import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.nio.FloatBuffer
import org.tensorflow.lite.DataType
import org.tensorflow.lite.Interpreter
import org.tfsv.core.BadInput
import org.tfsv.core.voice.Embedder
import org.tfsv.core.voice.EmbedderFactory

/** Opens models with TensorFlow Lite, whose XNNPACK does the arithmetic. */
object TfliteFactory : EmbedderFactory {
    override fun open(model: ByteBuffer, threads: Int): Embedder = explained("be loaded") {
        val options = Interpreter.Options().setNumThreads(threads).setUseXNNPACK(true)
        val interpreter = Interpreter(model, options)
        try {
            checkShape(interpreter)
            Tflite(interpreter)
        } catch (error: BadInput) {
            interpreter.close()
            throw error
        }
    }

    private fun checkShape(interpreter: Interpreter) {
        val known = interpreter.inputTensorCount == 1 && interpreter.outputTensorCount == 1 &&
            interpreter.getInputTensor(0).dataType() == DataType.FLOAT32 &&
            interpreter.getOutputTensor(0).dataType() == DataType.FLOAT32 &&
            interpreter.getOutputTensor(0).shape().size == 2
        if (!known) {
            throw BadInput("The model takes no waveform or gives no embedding; export it again.")
        }
    }

    private class Tflite(private val interpreter: Interpreter) : Embedder {
        private var samples = 0
        private var input = floats(0)

        override val size: Int = interpreter.getOutputTensor(0).shape()[1]

        override fun embed(waveform: FloatArray): FloatArray = explained("compute this") {
            if (waveform.size != samples) {
                interpreter.resizeInput(0, intArrayOf(1, waveform.size))
                input = floats(waveform.size)
                samples = waveform.size
            }
            input.clear()
            input.put(waveform)
            input.rewind()
            val output = floats(size)
            interpreter.run(input, output)
            output.rewind()
            FloatArray(size).also { output.get(it) }
        }

        override fun close() = interpreter.close()
    }

    private fun floats(count: Int): FloatBuffer =
        ByteBuffer.allocateDirect(Float.SIZE_BYTES * count)
            .order(ByteOrder.nativeOrder())
            .asFloatBuffer()

    /** TensorFlow Lite tells of bad models by exceptions of many kinds. */
    private fun <T> explained(what: String, use: () -> T): T = try {
        use()
    } catch (error: IllegalArgumentException) {
        throw BadInput("TensorFlow Lite refuses the model: it cannot $what.", error)
    } catch (error: IllegalStateException) {
        throw BadInput("TensorFlow Lite refuses the model: it cannot $what.", error)
    } catch (error: LinkageError) {
        throw BadInput(
            "TensorFlow Lite does not load: it is for another processor, or not for this phone’s " +
                "memory pages of 16 KiB; build the app with one that fits.",
            error,
        )
    }
}
