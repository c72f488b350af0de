package org.tfsv.core

/**
 * Something that a person gave and can change: a recording, a model, a voiceprint.
 *
 * @param message one sentence that names it and says what to do; it may be shown as it is.
 */
class BadInput(message: String, cause: Throwable? = null) : Exception(message, cause)
