package org.tfsv.core.voice

import kotlin.math.abs
import kotlin.math.ln
import org.tfsv.core.audio.Sound
import org.tfsv.core.model.ScoringTable

/** Scores as natural log-likelihood ratios; see `tfsv/verification/calibration.py`. */
internal class Calibration(private val table: ScoringTable) {
    /**
     * The ratio of a score; it is the same when the sides are exchanged.
     *
     * @param enrol what was heard of one side; null: it is not known, and counts as typical.
     * @param test what was heard of the other side.
     * @param means imposter means of both sides; empty: there is no cohort.
     */
    fun ratio(score: Double, enrol: Sound?, test: Sound?, means: List<Double>): Double {
        val apart = if (enrol != null && test != null) abs(enrol.level - test.level) else null
        return table.offset + table.score * score +
            table.duration.weight * (shareOfTypical(enrol) + shareOfTypical(test)) +
            table.level.weight * (table.level.within(apart) - table.level.typical) +
            (table.imposterMean?.let { aboveTypical(it, means) } ?: 0.0)
    }

    private fun aboveTypical(measure: ScoringTable.Measure, means: List<Double>): Double =
        measure.weight * means.sumOf { measure.within(it) - measure.typical }

    private fun shareOfTypical(side: Sound?): Double =
        ln(table.duration.within(side?.seconds) / table.duration.typical)
}
