package org.tfsv.core.model

/** The forms that the JSON of a model card has had, one for each schema; see `tfsv/card.py`. */
internal object CardSchemas {
    private const val WITHOUT_POOLING = 1
    private const val FLAT = 2
    private const val NESTED = 3
    private const val TASK = "verification"
    private const val SEPARATION = "separation"
    private const val A_STREAM = "a stream of sound"

    private val FLAT_KEYS = setOf(
        "schema", "network", "channels", "bins", "embedding_size", "pooling", "front_end",
        "bits", "scheme", "trained_on", "eer", "min_dcf", "thresholds", "versions", "notes",
    )
    private val NESTED_KEYS = setOf(
        "schema", "task", "network", "ends", "bits", "scheme", "trained_on", "measured",
        "decision", "versions", "notes",
    )
    private val NETWORK_KEYS = setOf("name", "channels", "bins", "embedding_size", "pooling")
    private val ENDS_KEYS = setOf("front_end")

    /**
     * Reads a card of schema 1, 2 or 3.
     *
     * @throws Damaged it has another schema, a key too few or too many, or an impossible value.
     * @throws Unsuitable its model is for another task than speaker verification.
     */
    fun read(card: CardFields): ModelCard = when (val schema = card.count("schema")) {
        WITHOUT_POOLING, FLAT -> flat(card, schema)
        NESTED -> nested(card)
        else -> throw unknown(schema)
    }

    /** Schemas 1 and 2 have no task and keep every value at the top. */
    private fun flat(card: CardFields, schema: Int): ModelCard {
        card.checkKeys(FLAT_KEYS)
        card.table("front_end")
        return ModelCard(
            network = card.name("network"),
            channels = card.count("channels"),
            bins = card.count("bins"),
            embeddingSize = card.count("embedding_size"),
            pooling = if (schema == FLAT) card.optional("pooling", card::name) else null,
            bits = card.map("bits", CardFields::width),
            scheme = card.optional("scheme", card::name),
            trainedOn = card.text("trained_on"),
            eer = card.optional("eer", card::fraction),
            minDcf = card.optional("min_dcf", card::fraction),
            thresholds = card.map("thresholds", CardFields::number),
            scoring = null,
            versions = card.map("versions", CardFields::text),
            notes = card.text("notes"),
        )
    }

    /**
     * Schema 3 keeps in tables what depends on the task.
     *
     * `measured` and `decision` may have other keys than those that are read here, so that later
     * versions can add some. All that was measured must be finite numbers.
     */
    private fun nested(card: CardFields): ModelCard {
        card.checkKeys(NESTED_KEYS)
        checkTask(card, TASK, "this app")
        val network = card.table("network")
        network.checkKeys(NETWORK_KEYS)
        val ends = card.table("ends")
        ends.checkKeys(ENDS_KEYS)
        ends.table("front_end")
        card.map("measured", CardFields::number) // refuses what is no number
        val measured = card.table("measured")
        val decision = card.table("decision")
        return ModelCard(
            network = network.name("name"),
            channels = network.count("channels"),
            bins = network.count("bins"),
            embeddingSize = network.count("embedding_size"),
            pooling = network.optional("pooling", network::name),
            bits = card.map("bits", CardFields::width),
            scheme = card.optional("scheme", card::name),
            trainedOn = card.text("trained_on"),
            eer = measured.ifPresent("eer", measured::fraction),
            minDcf = measured.ifPresent("min_dcf", measured::fraction),
            thresholds = decision.ifPresent("thresholds") { decision.map(it, CardFields::number) }
                .orEmpty(),
            scoring = decision.ifPresent("scoring") { ScoringTable.read(decision.table(it)) },
            versions = card.map("versions", CardFields::text),
            notes = card.text("notes"),
        )
    }

    /**
     * Checks that a card can be read and is of schema 3 and of separation.
     *
     * @throws Damaged it has another schema, or a key too few or too many.
     * @throws Unsuitable its model is for another task.
     */
    fun checkSeparation(card: CardFields) {
        when (val schema = card.count("schema")) {
            WITHOUT_POOLING, FLAT -> throw otherTask("the task '$TASK'", SEPARATION, A_STREAM)
            NESTED -> card.checkKeys(NESTED_KEYS)
            else -> throw unknown(schema)
        }
        checkTask(card, SEPARATION, A_STREAM)
    }

    private fun checkTask(card: CardFields, wanted: String, taker: String) {
        val task = card.optional("task", card::name)
        if (task == wanted) return
        val found = if (task == null) "no task" else "the task '${CardFields.shortened(task)}'"
        throw otherTask(found, wanted, taker)
    }

    private fun unknown(schema: Int) =
        Damaged("model card of schema $schema, this app reads $WITHOUT_POOLING to $NESTED")

    private fun otherTask(found: String, wanted: String, taker: String) =
        Unsuitable("is a model for $found and $taker takes models for '$wanted'")
}
