package org.tfsv.core.model

import org.json.JSONException
import org.json.JSONObject
import org.json.JSONTokener

/** Values of a JSON object of any origin, each of the type that was asked for. */
internal class CardFields private constructor(private val fields: JSONObject) {
    fun text(key: String): String = value(key) as? String ?: throw wrong(key, "must be text")

    fun name(key: String): String =
        text(key).ifEmpty { throw wrong(key, "must not be empty") }

    fun number(key: String): Double {
        val number = (value(key) as? Number)?.toDouble()
        if (number == null || !number.isFinite()) throw wrong(key, "must be a finite number")
        return number
    }

    fun fraction(key: String): Double =
        number(key).also { if (it !in 0.0..1.0) throw wrong(key, "must lie between 0 and 1") }

    fun count(key: String): Int {
        val value = value(key)
        if (value !is Int || value < 1) throw wrong(key, "must be a whole number of at least 1")
        return value
    }

    fun width(key: String): Int =
        count(key).also { if (it !in Codes.WIDTHS) throw wrong(key, "must be 1 to 8 bits") }

    fun table(key: String): CardFields =
        CardFields(value(key) as? JSONObject ?: throw wrong(key, "must be a table"))

    fun <T> optional(key: String, read: (String) -> T): T? =
        if (value(key) === JSONObject.NULL) null else read(key)

    fun <T> toMap(read: (String) -> T): Map<String, T> =
        fields.keys().asSequence().associateWith(read)

    /** Refuses what has other keys than these. */
    fun checkKeys(known: Set<String>) {
        val unknown = fields.keys().asSequence().firstOrNull { it !in known } ?: return
        throw Damaged("its model card has an unknown key '${unknown.shortened()}'")
    }

    private fun value(key: String): Any =
        fields.opt(key) ?: throw Damaged("its model card has no '${key.shortened()}'")

    private fun wrong(key: String, rule: String) =
        Damaged("'${key.shortened()}' of its model card $rule")

    companion object {
        private const val MOST_BRACKETS = 200 // a card has ten; parsers recurse
        private const val LONGEST_KEY = 40
        private const val END = '\u0000'

        fun parse(text: String): CardFields {
            if (text.count { it == '{' || it == '[' } > MOST_BRACKETS) {
                throw Damaged("its model card is nested too deeply")
            }
            return try {
                val tokener = JSONTokener(text)
                val fields = tokener.nextValue() as? JSONObject
                if (fields == null || tokener.nextClean() != END) throw notCard()
                CardFields(fields)
            } catch (_: JSONException) {
                throw notCard()
            } catch (_: NumberFormatException) { // of some versions, for digits without end
                throw notCard()
            }
        }

        private fun notCard() = Damaged("its model card is not JSON")

        private fun String.shortened(): String {
            val plain = take(LONGEST_KEY).replace(Regex("[^\\w. -]"), "?")
            return if (length > LONGEST_KEY) "$plain…" else plain
        }
    }
}
