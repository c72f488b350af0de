package org.tfsv.core.voice

import java.io.Closeable
import java.nio.ByteBuffer
import org.tfsv.core.BadInput

/** A model that is ready to listen. For one thread at a time. */
interface Embedder : Closeable {
    /** Dimensions of an embedding. */
    val size: Int

    /**
     * The embedding of one utterance, of length 1.
     *
     * Callers go through [LongRecording.embed], which checks both sides.
     *
     * @param waveform 16 kHz, -1 to 1, of any length from [LongRecording.MINIMUM_SAMPLES] on.
     * @throws BadInput the model cannot compute it.
     */
    fun embed(waveform: FloatArray): FloatArray
}

/** Opens models with an interpreter. */
fun interface EmbedderFactory {
    /**
     * Opens a model.
     *
     * @param model of `ModelFile.expanded` or `ModelFile.plain`: direct, in native order, its
     *   position 0. It belongs to the embedder until that is closed.
     * @param threads of one inference.
     * @throws BadInput the interpreter refuses it, or it takes or gives something else than a
     *   waveform and an embedding.
     */
    fun open(model: ByteBuffer, threads: Int): Embedder
}
