package org.tfsv.desktop

import com.sun.jna.Pointer
import java.io.File
import java.nio.ByteBuffer
import org.tfsv.core.separation.Runner
import org.tfsv.core.separation.RunnerFactory

/**
 * Opens models of named inputs and outputs with the LiteRT of the Python package.
 *
 * @param library `libLiteRt.so` of the wheel.
 */
class LiteRtRunners(library: File) : RunnerFactory {
    private val liteRt = LiteRt.load(library)
    private val environment: Pointer = Calls.environment(liteRt)

    /** See [RunnerFactory.open]; one thread, whatever is asked for. */
    override fun open(model: ByteBuffer, threads: Int): Runner =
        LiteRtRunner(CompiledModel(liteRt, environment, model))
}
