package org.tfsv.core.model

/** Why a model file was not made by tfsv, though nothing of it is damaged. */
internal class Foreign(reason: String) : Exception(reason)
