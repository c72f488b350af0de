package org.tfsv.core.model

/**
 * Why this app has no use for a model file that may well be sound, said with the file as subject;
 * [ModelFile] tells the person which file it is.
 */
internal class Unsuitable(reason: String) : Exception(reason)
