package org.tfsv.app.listen

import org.tfsv.app.sound.Recorder

/** What becomes of an utterance. */
sealed class Phase {
    /** Nobody listens. */
    object Idle : Phase()

    /** @property progress null before the first sound came. */
    class Listening(val progress: Recorder.Progress?) : Phase()

    /** The model computes. */
    object Thinking : Phase()
}
