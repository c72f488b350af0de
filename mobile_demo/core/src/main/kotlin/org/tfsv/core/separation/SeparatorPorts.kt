package org.tfsv.core.separation

/** Names of what a separator's file takes and gives; see `tfsv/separation/ports.py`. */
internal object SeparatorPorts {
    /** Input: what the microphones hear, `[1, microphones, samples]`. */
    const val MIXTURE = "mixture"

    /** Input: the angle that is asked for, degrees, `[1]`. */
    const val ANGLE = "angle"

    /** Output: the sound from there, `[1, samples]`. */
    const val SEPARATED = "separated"

    /** Beginning of the names of inputs that the call before gave; zeros at first. */
    const val BEFORE = "before_"

    /** Beginning of the names of outputs that the next call gets; the rest is equal. */
    const val AFTER = "after_"
}
