package org.tfsv.desktop

import java.io.File
import org.tfsv.core.selftest.GoldenSource

/** Where the tests find what they need; Gradle starts them in the module's folder. */
internal object Places {
    /** The golden files. */
    val golden: File = File(System.getProperty("tfsv.golden") ?: "../golden")

    /** The golden files, for the self-test. */
    val goldenSource: GoldenSource = GoldenSource { File(golden, it).readBytes() }

    /** `libLiteRt.so` of the wheel; null where it was not given. */
    val liteRt: File? = System.getProperty("tfsv.litert")?.let(::File)
}
