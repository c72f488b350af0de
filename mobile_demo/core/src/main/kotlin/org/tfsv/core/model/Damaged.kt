package org.tfsv.core.model

/** Why a model file is not sound; [ModelFile] tells the person which file it is. */
internal class Damaged(reason: String) : Exception(reason)
