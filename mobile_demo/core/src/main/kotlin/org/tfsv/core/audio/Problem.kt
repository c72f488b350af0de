package org.tfsv.core.audio

/** Why an utterance cannot be used. */
enum class Problem {
    /** Less speech than [Quality.MINIMUM_SPEECH_SECONDS]. */
    TOO_SHORT,

    /** Below [Quality.MINIMUM_LEVEL]. */
    TOO_QUIET,

    /** More than [Quality.MAXIMUM_CLIPPED] of the samples are at full scale. */
    CLIPPED,

    /** It does not sound like the other utterances of the enrolment. */
    DOES_NOT_MATCH,
}
