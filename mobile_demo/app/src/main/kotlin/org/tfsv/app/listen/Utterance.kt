package org.tfsv.app.listen

import org.tfsv.app.models.Models
import org.tfsv.core.audio.Quality
import org.tfsv.core.voice.Voice

/**
 * What was heard, without the sound.
 *
 * @property voice null where the utterance is unusable; [quality] says why.
 * @property milliseconds that the embedding took.
 * @property model that made it.
 */
class Utterance(
    val quality: Quality,
    val voice: Voice?,
    val milliseconds: Double,
    val model: Models.Active,
)
