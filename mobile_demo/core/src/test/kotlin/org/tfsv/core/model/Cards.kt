package org.tfsv.core.model

import org.junit.Assert.assertThrows

/** Model cards for tests: a table of JSON texts by key, so that a test can make any of them wrong. */
internal object Cards {
    /** A card of schema 2. */
    val FLAT = mapOf(
        "schema" to "2",
        "network" to "\"resnet18\"",
        "channels" to "8",
        "bins" to "40",
        "embedding_size" to "64",
        "pooling" to "null",
        "front_end" to "{\"bins\": 40, \"mean\": [1, 2]}",
        "bits" to "{\"stem\": 8, \"embedding\": 1}",
        "scheme" to "\"kmeans\"",
        "trained_on" to "\"voices [built in] {of tfsv}\"",
        "eer" to "0.0125",
        "min_dcf" to "null",
        "thresholds" to "{\"far_0.01\": 0.31, \"far_0.001\": 1}",
        "versions" to "{\"tfsv\": \"0.1.0\"}",
        "notes" to "\"\"",
    )

    /** The tables of [nested], each by its name in the card. */
    val TABLES = mapOf(
        "network" to mapOf(
            "name" to "\"resnet18\"",
            "channels" to "8",
            "bins" to "40",
            "embedding_size" to "64",
            "pooling" to "null",
        ),
        "ends" to mapOf("front_end" to FLAT.getValue("front_end")),
        "measured" to mapOf("eer" to "0.0125"),
        "decision" to mapOf("thresholds" to FLAT.getValue("thresholds")),
    )

    /** The card of schema 3 that says what [FLAT] says, or what other tables say. */
    fun nested(tables: Map<String, Map<String, String>> = TABLES): Map<String, String> = mapOf(
        "schema" to "3",
        "task" to "\"verification\"",
        "bits" to FLAT.getValue("bits"),
        "scheme" to FLAT.getValue("scheme"),
        "trained_on" to FLAT.getValue("trained_on"),
        "versions" to FLAT.getValue("versions"),
        "notes" to FLAT.getValue("notes"),
    ) + tables.mapValues { json(it.value) }

    /** The card of schema 3 with one table changed. */
    fun nested(table: String, change: (Map<String, String>) -> Map<String, String>) =
        nested(TABLES + (table to change(TABLES.getValue(table))))

    fun json(fields: Map<String, String>) =
        fields.entries.joinToString(",", "{", "}") { "\"${it.key}\": ${it.value}" }

    /** Why a card is not sound. */
    fun refused(text: String): String =
        assertThrows(Damaged::class.java) { ModelCard.fromJson(text) }.message.orEmpty()

    /** All that a card says, by the names of its properties. */
    fun properties(card: ModelCard): Map<String, Any?> = ModelCard::class.java.declaredFields
        .filter { !java.lang.reflect.Modifier.isStatic(it.modifiers) }
        .associate { field ->
            field.isAccessible = true
            field.name to field.get(card)
        }
}
