package org.tfsv.core.voice

/** Scores as a person reads them, by what they are. */
enum class Scale(private val most: Double?) {
    /** Cosines of embeddings, -1 to 1. */
    COSINE(1.0),

    /** Natural logarithms of likelihood ratios, of any size. */
    RATIO(null),
    ;

    /**
     * Where a score stands on a scale from 0 to 100, on which 50 is the threshold. It is a position
     * and no probability.
     *
     * 100 is the very same sound for cosines. For ratios, whose size has no limit, the ends are 10
     * away from the threshold: there the recordings are 22,000 times likelier or less likely than
     * at it.
     */
    fun percent(score: Double, threshold: Double): Double {
        val half = if (most == null) RATIO_HALF else most - threshold
        if (half <= 0) return if (score >= threshold) MIDDLE else 0.0
        return (MIDDLE + MIDDLE * (score - threshold) / half).coerceIn(0.0, 2 * MIDDLE)
    }

    private companion object {
        const val MIDDLE = 50.0
        const val RATIO_HALF = 10.0
    }
}
