package org.tfsv.desktop

import com.sun.jna.Library
import com.sun.jna.Native
import com.sun.jna.Pointer
import com.sun.jna.ptr.LongByReference
import com.sun.jna.ptr.PointerByReference
import java.io.File

/**
 * The part of LiteRT's C interface that runs a model, whose inputs and outputs have names.
 *
 * It is that of `libLiteRt.so` in the wheel of ai-edge-litert 2.3.0. `size_t` is a Long, as on all
 * machines for which there is such a wheel. Functions return a status, 0 for success.
 */
@Suppress("FunctionName") // they are called as in C
internal interface LiteRt : Library {
    fun LiteRtCreateEnvironment(options: Int, values: Pointer?, out: PointerByReference): Int

    fun LiteRtCreateModelFromBuffer(
        environment: Pointer,
        content: Pointer,
        size: Long,
        out: PointerByReference,
    ): Int

    fun LiteRtGetModelSignature(model: Pointer, signature: Long, out: PointerByReference): Int

    fun LiteRtGetNumSignatureInputs(signature: Pointer, out: LongByReference): Int

    fun LiteRtGetNumSignatureOutputs(signature: Pointer, out: LongByReference): Int

    fun LiteRtGetSignatureInputName(
        signature: Pointer,
        input: Long,
        out: PointerByReference,
    ): Int

    fun LiteRtGetSignatureOutputName(
        signature: Pointer,
        output: Long,
        out: PointerByReference,
    ): Int

    fun LiteRtCreateOptions(out: PointerByReference): Int

    fun LiteRtSetOptionsHardwareAccelerators(options: Pointer, accelerators: Int): Int

    fun LiteRtCreateCompiledModel(
        environment: Pointer,
        model: Pointer,
        options: Pointer,
        out: PointerByReference,
    ): Int

    fun LiteRtCompiledModelResizeInputTensor(
        model: Pointer,
        signature: Long,
        input: Long,
        sides: IntArray,
        dimensions: Long,
    ): Int

    fun LiteRtGetCompiledModelOutputTensorLayouts(
        model: Pointer,
        signature: Long,
        outputs: Long,
        layouts: Pointer,
        update: Byte,
    ): Int

    fun LiteRtGetCompiledModelInputBufferRequirements(
        model: Pointer,
        signature: Long,
        input: Long,
        out: PointerByReference,
    ): Int

    fun LiteRtGetCompiledModelOutputBufferRequirements(
        model: Pointer,
        signature: Long,
        output: Long,
        out: PointerByReference,
    ): Int

    fun LiteRtGetTensorBufferRequirementsBufferSize(
        requirements: Pointer,
        out: LongByReference,
    ): Int

    fun LiteRtCreateManagedTensorBufferFromRequirements(
        environment: Pointer,
        type: Pointer,
        requirements: Pointer,
        out: PointerByReference,
    ): Int

    fun LiteRtLockTensorBuffer(buffer: Pointer, out: PointerByReference, mode: Int): Int

    fun LiteRtUnlockTensorBuffer(buffer: Pointer): Int

    fun LiteRtRunCompiledModel(
        model: Pointer,
        signature: Long,
        inputs: Long,
        inputBuffers: Array<Pointer>,
        outputs: Long,
        outputBuffers: Array<Pointer>,
    ): Int

    fun LiteRtDestroyTensorBuffer(buffer: Pointer)

    fun LiteRtDestroyCompiledModel(model: Pointer)

    fun LiteRtDestroyOptions(options: Pointer)

    fun LiteRtDestroyModel(model: Pointer)

    companion object {
        /** Computes with the processor. */
        const val CPU: Int = 1

        /** Modes of locking a buffer. */
        const val READ: Int = 0
        const val WRITE: Int = 1

        /** Loads the library. */
        fun load(library: File): LiteRt = Native.load(library.path, LiteRt::class.java)
    }
}
