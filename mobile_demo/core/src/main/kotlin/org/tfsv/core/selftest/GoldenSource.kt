package org.tfsv.core.selftest

import java.io.IOException

/** Where the golden files lie: assets of the app, or a directory. */
fun interface GoldenSource {
    /**
     * The content of a file.
     *
     * @throws IOException it is not there.
     */
    @Throws(IOException::class)
    fun read(name: String): ByteArray
}
