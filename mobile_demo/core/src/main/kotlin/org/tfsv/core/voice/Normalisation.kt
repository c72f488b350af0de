package org.tfsv.core.voice

import kotlin.math.max
import kotlin.math.sqrt
import org.tfsv.core.BadInput
import org.tfsv.core.model.Cohort

/**
 * Adaptive symmetric normalisation by a cohort (AS-Norm); see `tfsv/verification/normalisation.py`.
 *
 * @param top highest cosines of a side to the cohort that count.
 */
internal class Normalisation(private val cohort: Cohort, private val top: Int) {
    private val lengths = DoubleArray(cohort.size) { vector ->
        sqrt((0 until cohort.dimensions).sumOf { squared(cohort.value(vector, it)) })
    }

    /**
     * How alike a side finds the strangers that are most alike.
     *
     * @property mean of its highest cosines to the cohort: its imposter mean.
     * @property deviation standard deviation of these, positive.
     */
    class Strangers(val mean: Double, private val deviation: Double) {
        /** A cosine in deviations above these strangers. */
        fun above(cosine: Double): Double = (cosine - mean) / deviation
    }

    /** Compares a side with the cohort. */
    fun strangers(side: FloatArray): Strangers {
        val highest = cosines(side).apply { sort() }.takeLast(top)
        val mean = highest.average()
        val deviation = sqrt(highest.sumOf { (it - mean) * (it - mean) } / top)
        return Strangers(mean, max(deviation, LOWEST_DEVIATION))
    }

    private fun cosines(side: FloatArray): DoubleArray {
        if (side.size != cohort.dimensions) {
            throw BadInput(
                "Embeddings of ${side.size} numbers cannot be compared with a cohort of " +
                    "${cohort.dimensions}; choose another model.",
            )
        }
        val length = Vectors.length(side)
        return DoubleArray(cohort.size) { vector ->
            var sum = 0.0
            for (i in side.indices) sum += side[i].toDouble() * cohort.value(vector, i)
            sum / (length * lengths[vector])
        }
    }

    private fun squared(value: Int) = (value * value).toDouble()

    private companion object {
        const val LOWEST_DEVIATION = 1e-3
    }
}
