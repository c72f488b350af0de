package org.tfsv.core.separation

import java.io.Closeable
import java.nio.ByteBuffer
import org.tfsv.core.BadInput

/**
 * Numbers of a shape.
 *
 * @property shape length of each axis.
 * @property numbers those of the last axis stand side by side.
 */
class Values(val shape: List<Int>, val numbers: FloatArray)

/** A model of named inputs and outputs that is ready to run. For one thread at a time. */
interface Runner : Closeable {
    /**
     * Computes the outputs.
     *
     * @param inputs one for each of the model's inputs, by name. Shapes may change between calls.
     * @return new arrays, one for each of the model's outputs, by name.
     * @throws BadInput the model cannot compute it.
     */
    fun run(inputs: Map<String, Values>): Map<String, FloatArray>
}

/** Opens models with an interpreter. */
fun interface RunnerFactory {
    /**
     * Opens a model.
     *
     * @param model of [SeparatorFile.expanded] or [SeparatorFile.plain]. It belongs to the runner
     *   until that is closed.
     * @param threads of one inference.
     * @throws BadInput the interpreter refuses it.
     */
    fun open(model: ByteBuffer, threads: Int): Runner
}
