package org.tfsv.core.model

/**
 * How a model makes log-likelihood ratios of cosines: the table `scoring` of its card, which
 * `docs/packed_format.md` explains.
 *
 * @property cohort vectors of the cohort; null: cosines are not normalised.
 * @property top highest cosines to the cohort that count; null exactly where [cohort] is.
 * @property offset ratio of a score of 0 at typical quality.
 * @property score what the ratio gains for each unit of the score, positive.
 * @property duration seconds of sound of a side.
 * @property level difference of the levels of both sides, dB.
 * @property imposterMean mean of a side's highest cosines to the cohort; null: it does not count.
 * @property thresholds ratios from which on to accept, by operating point.
 */
class ScoringTable private constructor(
    val cohort: Int?,
    val top: Int?,
    val offset: Double,
    val score: Double,
    val duration: Measure,
    val level: Measure,
    val imposterMean: Measure?,
    val thresholds: Map<String, Double>,
) {
    /**
     * A measure of quality.
     *
     * @property weight what the ratio gains for each unit of it.
     * @property lowest least value that counts.
     * @property typical value that counts where none is known.
     * @property highest largest value that counts.
     */
    class Measure internal constructor(
        val weight: Double,
        val lowest: Double,
        val typical: Double,
        val highest: Double,
    ) {
        /** A value as it counts; null where it is not known. */
        fun within(value: Double?): Double = (value ?: typical).coerceIn(lowest, highest)
    }

    /** Refuses a cohort that is not the one of this table, or of another model. */
    internal fun check(found: Cohort?, dimensions: Int) {
        if (cohort == null || found?.size == cohort && found.dimensions == dimensions) return
        val held = if (found == null) "none" else "one of ${found.size} × ${found.dimensions}"
        throw Damaged("its card needs a cohort of $cohort × $dimensions and it has $held")
    }

    internal companion object {
        private const val FEWEST = 2
        private const val IMPOSTER_MEAN = "imposter_mean"
        private val KEYS = setOf(
            "cohort", "top", "offset", "score", "duration", "level", IMPOSTER_MEAN, "thresholds",
        )
        private val MEASURE_KEYS = setOf("weight", "lowest", "typical", "highest")

        /** Reads the table. */
        fun read(fields: CardFields): ScoringTable {
            fields.checkKeys(KEYS)
            val cohort = fields.optional("cohort", fields::count)
            val top = fields.optional("top", fields::count)
            if ((top == null) != (cohort == null) || top != null && top !in FEWEST..(cohort ?: 0)) {
                throw fields.wrong("top", "must lie between $FEWEST and the size of its cohort")
            }
            return ScoringTable(
                cohort,
                top,
                offset = fields.number("offset"),
                score = fields.positive("score"),
                duration = measure(fields.table("duration"), CardFields::positive),
                level = measure(fields.table("level"), CardFields::number),
                imposterMean = fields.ifPresent(IMPOSTER_MEAN) {
                    measure(fields.table(it), CardFields::number)
                },
                thresholds = fields.map("thresholds", CardFields::number),
            )
        }

        private fun measure(
            fields: CardFields,
            bound: (CardFields, String) -> Double,
        ): Measure {
            fields.checkKeys(MEASURE_KEYS)
            val lowest = bound(fields, "lowest")
            val typical = bound(fields, "typical")
            val highest = bound(fields, "highest")
            if (typical !in lowest..highest) {
                throw fields.wrong("typical", "must lie between lowest and highest")
            }
            return Measure(fields.number("weight"), lowest, typical, highest)
        }
    }
}
