package org.tfsv.app

import android.content.Context
import android.content.SharedPreferences
import org.tfsv.core.model.Operating

/** What the person chose, and how opened models are called; nothing of a voice. */
class Settings(context: Context) {
    private val stored: SharedPreferences =
        context.getSharedPreferences("settings", Context.MODE_PRIVATE)

    /** Id of the model in use; null: the one that the app prefers. */
    var model: String?
        get() = stored.getString(MODEL, null)
        set(value) = stored.edit().putString(MODEL, value).apply()

    /** How many strangers may pass. */
    var strictness: Operating
        get() = Operating.values().find { it.entry == stored.getString(STRICTNESS, null) }
            ?: Operating.FAR_1_PERCENT
        set(value) = stored.edit().putString(STRICTNESS, value.entry).apply()

    /** How the file of an opened model was called. */
    fun name(id: String): String? = stored.getString(NAME + id, null)

    /** Remembers a name; null forgets it. */
    fun setName(id: String, name: String?) = stored.edit().putString(NAME + id, name).apply()

    private companion object {
        const val MODEL = "model"
        const val STRICTNESS = "strictness"
        const val NAME = "name of "
    }
}
