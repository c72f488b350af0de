package org.tfsv.core.voice

/** How alike two voices are. */
object Scoring {
    /** The cosine between two embeddings, -1 to 1. */
    fun cosine(a: FloatArray, b: FloatArray): Double =
        (Vectors.dot(a, b) / (Vectors.length(a) * Vectors.length(b))).coerceIn(-1.0, 1.0)
}
