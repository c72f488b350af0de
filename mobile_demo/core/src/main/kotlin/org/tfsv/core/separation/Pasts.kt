package org.tfsv.core.separation

/** What a stream keeps between pieces; see `tfsv/separation/pasts.py`. */
internal object Pasts {
    /** Samples from one frame to the next. */
    const val HOP = 256

    private const val KERNEL = 3 // frames of a dilated convolution
    private val MOMENTS = listOf(1, 3) // frames, their mean and their mean square

    /** Shapes by name. */
    fun shapes(card: SeparatorCard): Map<String, List<Int>> {
        val shapes = linkedMapOf(
            "samples" to listOf(1, card.microphones, HOP),
            "half" to listOf(1, HOP),
        )
        for (stack in 1..card.stacks) {
            for (block in 1..card.blocks) {
                val name = "stack${stack}_block$block"
                val frames = (KERNEL - 1) shl (block - 1)
                if (card.cumulative) shapes["${name}_in_norm"] = MOMENTS
                shapes["${name}_past"] = listOf(1, frames, 1, card.hidden)
                if (card.cumulative) shapes["${name}_depthwise_norm"] = MOMENTS
            }
        }
        return shapes
    }
}
