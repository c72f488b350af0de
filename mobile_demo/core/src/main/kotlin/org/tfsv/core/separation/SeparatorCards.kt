package org.tfsv.core.separation

import org.tfsv.core.model.CardFields
import org.tfsv.core.model.CardSchemas
import org.tfsv.core.model.Damaged
import org.tfsv.core.model.Unsuitable

/** Reads the card of a separator, as `tfsv/separation/model_card.py` does. */
internal object SeparatorCards {
    private const val MOST_STACKS = 16
    private const val MOST_BLOCKS = 12
    private const val MOST_CHANNELS = 4096
    private const val FEWEST_MICROPHONES = 2
    private val NETWORK_KEYS =
        setOf("stacks", "blocks", "channels", "hidden", "causal", "norm", "phase")
    private val PHASES = setOf("cos", "cos_sin")

    /**
     * Reads a card.
     *
     * A setting that an earlier version did not write has the default of that time.
     *
     * @throws Damaged it has a key too few or too many, or an impossible value.
     * @throws Unsuitable its model is for another task, or not causal.
     */
    fun read(card: CardFields): SeparatorCard {
        CardSchemas.checkSeparation(card)
        val network = card.table("network")
        network.checkKeys(NETWORK_KEYS)
        if (network.ifPresent("causal", network::flag) != true) {
            throw Unsuitable("hears whole recordings only and a stream needs a causal separator")
        }
        checkPhase(network)
        checkRest(card)
        return SeparatorCard(
            stacks = size(network, "stacks", 4, MOST_STACKS),
            blocks = size(network, "blocks", 8, MOST_BLOCKS),
            channels = size(network, "channels", 128, MOST_CHANNELS),
            hidden = size(network, "hidden", 256, MOST_CHANNELS),
            norm = norm(network),
            positions = positions(card),
            bits = card.map("bits", CardFields::width),
            trainedOn = card.text("trained_on"),
        )
    }

    private fun size(network: CardFields, key: String, default: Int, most: Int): Int {
        val size = network.ifPresent(key, network::count) ?: default
        if (size > most) throw network.wrong(key, "must be 1 to $most")
        return size
    }

    private fun norm(network: CardFields): String {
        val norm = network.ifPresent("norm", network::text).orEmpty()
            .ifEmpty { SeparatorCard.CUMULATIVE }
        if (norm != SeparatorCard.CUMULATIVE && norm != SeparatorCard.BATCH) {
            throw network.wrong("norm", "must be cumulative or batch in a causal network")
        }
        return norm
    }

    private fun checkPhase(network: CardFields) {
        val phase = network.ifPresent("phase", network::text) ?: return
        if (phase !in PHASES) throw network.wrong("phase", "must be cos or cos_sin")
    }

    /** Refuses values of the wrong type that a stream has no use for. */
    private fun checkRest(card: CardFields) {
        card.optional("scheme", card::name)
        card.map("measured", CardFields::number)
        card.table("decision")
        card.map("versions", CardFields::text)
        card.text("notes")
    }

    private fun positions(card: CardFields): List<Double> {
        val ends = card.table("ends")
        ends.checkKeys(setOf("array"))
        val array = ends.table("array")
        array.checkKeys(setOf("positions", "pairs"))
        val positions = array.numbers("positions")
        val ascending = positions.zipWithNext().all { (one, next) -> one < next }
        if (positions.size < FEWEST_MICROPHONES || !ascending) {
            throw array.wrong("positions", "must be two or more places, ascending")
        }
        val microphones = (1..positions.size).map(Int::toDouble).toSet()
        for (pair in array.lists("pairs")) {
            if (pair.size != 2 || !microphones.containsAll(pair)) {
                throw array.wrong("pairs", "must be pairs of numbers from 1 to ${positions.size}")
            }
        }
        return positions
    }
}
