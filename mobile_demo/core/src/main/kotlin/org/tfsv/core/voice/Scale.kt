package org.tfsv.core.voice

/** Scores as a person reads them. */
object Scale {
    private const val MIDDLE = 50.0

    /**
     * Where a score stands on a scale from 0 to 100, on which 50 is the threshold and 100 is the
     * very same sound. It is a position and no probability.
     */
    fun percent(score: Double, threshold: Double): Double {
        if (threshold >= 1) return if (score >= threshold) MIDDLE else 0.0
        return (MIDDLE + MIDDLE * (score - threshold) / (1 - threshold)).coerceIn(0.0, 2 * MIDDLE)
    }
}
