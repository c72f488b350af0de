package org.tfsv.core.audio

/** What a microphone delivers. */
object Pcm {
    private const val FULL_SCALE = 32768f

    /** The first [count] samples of [pcm] as numbers from -1 to 1. */
    fun toFloat(pcm: ShortArray, count: Int = pcm.size): FloatArray =
        FloatArray(count) { pcm[it] / FULL_SCALE }
}
