package org.tfsv.core

import java.io.File

/** The golden files; Gradle starts tests in the module's folder. */
internal object Goldens {
    private val folder = File(System.getProperty("tfsv.golden") ?: "../golden")

    fun read(name: String): ByteArray = File(folder, name).readBytes()
}
