package org.tfsv.core.people

import java.io.File
import java.io.FileOutputStream
import java.io.IOException

/** What [People] does to files, step by step, so that tests can stop between any two steps. */
interface FileOperations {
    /** What lies in a directory; empty where there is none. */
    fun list(directory: File): List<File>

    /** Makes a directory and those above it, unless they are there. */
    fun makeDirectory(directory: File)

    /** The content of a file. */
    fun read(file: File): ByteArray

    /** Writes a file and waits until it is on the disk. */
    fun write(file: File, content: ByteArray)

    /** Renames a file or directory in one step, over an existing file. */
    fun rename(from: File, to: File)

    /** Deletes a file or an empty directory. */
    fun delete(file: File)
}

/** The file system. */
object RealFiles : FileOperations {
    override fun list(directory: File): List<File> = directory.listFiles()?.sorted().orEmpty()

    override fun makeDirectory(directory: File) {
        if (!directory.isDirectory && !directory.mkdirs()) throw failed()
    }

    override fun read(file: File): ByteArray = file.readBytes()

    override fun write(file: File, content: ByteArray) {
        FileOutputStream(file).use {
            it.write(content)
            it.fd.sync()
        }
    }

    override fun rename(from: File, to: File) {
        if (!from.renameTo(to)) throw failed()
    }

    override fun delete(file: File) {
        if (!file.delete() && file.exists()) throw failed()
    }

    private fun failed() = IOException("the voiceprints' folder cannot be changed")
}
