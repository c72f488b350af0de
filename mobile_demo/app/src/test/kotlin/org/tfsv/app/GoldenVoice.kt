package org.tfsv.app

import java.io.File
import org.tfsv.core.audio.Wav

/** Who speaks in the golden files. */
internal enum class GoldenVoice(private val files: String) {
    ADA("speaker1"),
    BEN("speaker0"),
    ;

    /** All there is of this voice, three seconds; beginning elsewhere in each of three turns. */
    fun sentence(turn: Int = 0): FloatArray =
        List(UTTERANCES) { utterance((it + turn) % UTTERANCES) }.flatMap { it.asList() }
            .toFloatArray()

    /** Less than a second. */
    fun word(): FloatArray = utterance(UTTERANCES - 1)

    private fun utterance(number: Int): FloatArray {
        val name = "${files}_$number.wav"
        return Wav.read(File(golden, name).readBytes(), name).samples
    }

    companion object {
        private const val UTTERANCES = 3

        /** The folder of the golden files. */
        val golden: File = File(System.getProperty("tfsv.golden") ?: "../golden")
    }
}
