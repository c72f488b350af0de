package org.tfsv.core.model

import org.json.JSONArray
import org.json.JSONException
import org.json.JSONObject
import org.json.JSONTokener

/**
 * Values of a JSON object of any origin, each of the type that was asked for.
 *
 * Errors name a value by its path from the card's top, for example `network.channels`.
 */
internal class CardFields private constructor(
    private val fields: JSONObject,
    private val path: String = "",
) {
    fun text(key: String): String = value(key) as? String ?: throw wrong(key, "must be text")

    fun name(key: String): String =
        text(key).ifEmpty { throw wrong(key, "must not be empty") }

    fun number(key: String): Double {
        val number = (value(key) as? Number)?.toDouble()
        if (number == null || !number.isFinite()) throw wrong(key, "must be a finite number")
        return number
    }

    fun positive(key: String): Double =
        number(key).also { if (it <= 0) throw wrong(key, "must be more than 0") }

    fun fraction(key: String): Double =
        number(key).also { if (it !in 0.0..1.0) throw wrong(key, "must lie between 0 and 1") }

    fun count(key: String): Int {
        val value = value(key)
        if (value !is Int || value < 1) throw wrong(key, "must be a whole number of at least 1")
        return value
    }

    fun flag(key: String): Boolean =
        value(key) as? Boolean ?: throw wrong(key, "must be true or false")

    /** A list of finite numbers. */
    fun numbers(key: String): List<Double> =
        (value(key) as? JSONArray)?.let(::finite) ?: throw wrong(key, "must be a list of numbers")

    /** A list of lists of finite numbers. */
    fun lists(key: String): List<List<Double>> {
        val lists = value(key) as? JSONArray ?: throw wrong(key, "must be a list of lists")
        return List(lists.length()) {
            (lists.opt(it) as? JSONArray)?.let(::finite)
                ?: throw wrong(key, "must be a list of lists of numbers")
        }
    }

    /** Bits of a weight: a width of codes, or [FLOAT16]. */
    fun width(key: String): Int = count(key).also {
        if (it !in Codes.WIDTHS && it != FLOAT16) throw wrong(key, "must be 1 to 8 bits, or 16")
    }

    fun table(key: String): CardFields {
        val table = value(key) as? JSONObject ?: throw wrong(key, "must be a table")
        return CardFields(table, "$path$key.")
    }

    /** A table all of whose values are of one type. */
    fun <T> map(key: String, read: (CardFields, String) -> T): Map<String, T> {
        val table = table(key)
        return table.fields.keys().asSequence().associateWith { read(table, it) }
    }

    /** The value of a key that must be there and may be null. */
    fun <T> optional(key: String, read: (String) -> T): T? =
        if (value(key) === JSONObject.NULL) null else read(key)

    /** The value of a key that may be absent; null is not taken for absent. */
    fun <T> ifPresent(key: String, read: (String) -> T): T? =
        if (fields.has(key)) read(key) else null

    /** Refuses what has other keys than these. */
    fun checkKeys(known: Set<String>) {
        val unknown = fields.keys().asSequence().firstOrNull { it !in known } ?: return
        throw Damaged("its model card has an unknown key '${named(unknown)}'")
    }

    /** Why the value of a key is not sound. */
    fun wrong(key: String, rule: String): Damaged =
        Damaged("'${named(key)}' of its model card $rule")

    /** The numbers of a list; null: some value is no finite number. */
    private fun finite(list: JSONArray): List<Double>? {
        val numbers = List(list.length()) { (list.opt(it) as? Number)?.toDouble() ?: Double.NaN }
        return numbers.takeIf { all -> all.all(Double::isFinite) }
    }

    private fun value(key: String): Any =
        fields.opt(key) ?: throw Damaged("its model card has no '${named(key)}'")

    private fun named(key: String) = path + shortened(key)

    companion object {
        private const val MOST_BRACKETS = 200 // a card has about ten; parsers recurse
        private const val LONGEST_NAME = 40
        private const val FLOAT16 = 16 // bits of weights without codes
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

        /** A name of any origin as messages show it: short, on one line, without odd letters. */
        fun shortened(name: String): String {
            val plain = name.take(LONGEST_NAME).replace(Regex("[^\\w. -]"), "?")
            return if (name.length > LONGEST_NAME) "$plain…" else plain
        }

        private fun notCard() = Damaged("its model card is not JSON")
    }
}
