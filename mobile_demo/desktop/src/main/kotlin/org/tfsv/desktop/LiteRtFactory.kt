package org.tfsv.desktop

import com.sun.jna.Pointer
import java.io.File
import java.nio.ByteBuffer
import org.tfsv.core.voice.Embedder
import org.tfsv.core.voice.EmbedderFactory

/**
 * Opens models with the LiteRT of the Python package.
 *
 * @param library `libLiteRt.so` of the wheel.
 */
class LiteRtFactory(library: File) : EmbedderFactory {
    private val liteRt = LiteRt.load(library)
    private val environment: Pointer = Calls.environment(liteRt)

    /** See [EmbedderFactory.open]; one thread, whatever is asked for. */
    override fun open(model: ByteBuffer, threads: Int): Embedder =
        LiteRtEmbedder(CompiledModel(liteRt, environment, model))
}
