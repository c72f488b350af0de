package org.tfsv.core.voice

import kotlin.math.sqrt
import org.tfsv.core.BadInput

/** Arithmetic of embeddings; sums are of 64 bits, results of 32. */
internal object Vectors {
    fun dot(a: FloatArray, b: FloatArray): Double {
        if (a.size != b.size) {
            throw BadInput("Voiceprints of ${a.size} and ${b.size} numbers cannot be compared.")
        }
        var sum = 0.0
        for (i in a.indices) sum += a[i].toDouble() * b[i]
        return sum
    }

    fun length(vector: FloatArray): Double = sqrt(dot(vector, vector))

    /** The mean of the vectors' directions, of length 1; each counts as often as its weight says. */
    fun meanDirection(
        vectors: List<FloatArray>,
        weights: List<Int> = List(vectors.size) { 1 },
    ): FloatArray {
        val mean = DoubleArray(vectors.first().size)
        for ((vector, weight) in vectors.zip(weights)) {
            val length = checked(length(vector))
            if (vector.size != mean.size) throw BadInput("Embeddings differ in size; enrol again.")
            for (i in mean.indices) mean[i] += weight * vector[i] / length
        }
        var square = 0.0
        for (value in mean) square += value * value
        val length = checked(sqrt(square))
        return FloatArray(mean.size) { (mean[it] / length).toFloat() }
    }

    private fun checked(length: Double): Double {
        if (!length.isFinite() || length <= 0) {
            throw BadInput("The model gives no usable embedding; choose another model.")
        }
        return length
    }
}
