package org.tfsv.app.screen

import android.content.res.Resources
import java.io.IOException
import org.tfsv.app.R
import org.tfsv.core.BadInput
import org.tfsv.core.audio.Problem
import org.tfsv.core.audio.Quality

/**
 * A sentence for the person, in the language of the phone where it is ours.
 *
 * @property id of the string.
 */
class Notice(val id: Int, private vararg val arguments: Any) {
    /** The sentence. */
    fun text(resources: Resources): String = resources.getString(id, *arguments)

    companion object {
        /** What core has to say. */
        fun of(error: BadInput): Notice = Notice(R.string.as_it_is, error.message.orEmpty())

        /** That a file could not be read or written. */
        fun of(@Suppress("UNUSED_PARAMETER") error: IOException): Notice =
            Notice(R.string.storage_failed)

        /** Why an utterance was refused. */
        fun of(problem: Problem): Notice = when (problem) {
            Problem.TOO_SHORT -> Notice(R.string.too_short, Quality.MINIMUM_SPEECH_SECONDS)
            Problem.TOO_QUIET -> Notice(R.string.too_quiet)
            Problem.CLIPPED -> Notice(R.string.clipped)
            Problem.DOES_NOT_MATCH -> Notice(R.string.does_not_match)
        }
    }
}
