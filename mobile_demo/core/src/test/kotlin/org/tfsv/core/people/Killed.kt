package org.tfsv.core.people

import java.io.File
import java.io.IOException

/**
 * The file system of a process that is killed.
 *
 * @param steps changes that it may still make.
 * @param written share of the file that is written by a change that it does not finish.
 */
internal class Killed(private var steps: Int, private val written: Double) :
    FileOperations by RealFiles {

    /** What a killed process meets. */
    class Kill : IOException("killed")

    override fun makeDirectory(directory: File) = step { RealFiles.makeDirectory(directory) }

    override fun write(file: File, content: ByteArray) {
        if (steps <= 0) file.writeBytes(content.copyOf((written * content.size).toInt()))
        step { RealFiles.write(file, content) }
    }

    override fun rename(from: File, to: File) = step { RealFiles.rename(from, to) }

    override fun delete(file: File) = step { RealFiles.delete(file) }

    private fun step(change: () -> Unit) {
        if (steps-- <= 0) throw Kill()
        change()
    }
}
