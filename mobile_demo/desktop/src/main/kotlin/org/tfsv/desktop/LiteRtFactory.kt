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
    private val environment: Pointer = Calls.created("an environment") {
        liteRt.LiteRtCreateEnvironment(0, null, it)
    }

    /** See [EmbedderFactory.open]; one thread, whatever is asked for. */
    override fun open(model: ByteBuffer, threads: Int): Embedder =
        LiteRtEmbedder(liteRt, environment, model)
}
