package org.tfsv.app.screen

import android.content.res.Resources
import org.tfsv.app.R
import org.tfsv.core.model.ModelCard
import org.tfsv.core.model.Operating
import org.tfsv.core.voice.Scale

/** The bits of a model's codebooks, in words. */
fun Resources.bits(card: ModelCard): String {
    val fewest = card.bits.values.minOrNull() ?: return getString(R.string.not_quantized)
    val most = card.bits.values.maxOrNull() ?: fewest
    if (fewest != most) return getString(R.string.mixed_bits, fewest, most)
    return getQuantityString(R.plurals.bits, most, most)
}

/** A model in a line. */
fun Resources.modelTitle(card: ModelCard, name: String): String =
    getString(R.string.model_title, bits(card), name)

/** A score and its threshold, in words. */
fun Resources.score(scale: Scale, score: Double, threshold: Double): String {
    val words = if (scale == Scale.COSINE) R.string.score else R.string.ratio
    return getString(words, score, threshold)
}

/** How many strangers pass, in words. */
fun Resources.strangers(strictness: Operating): String = when (strictness) {
    Operating.FAR_1_PERCENT -> getString(R.string.passes_one_percent)
    Operating.FAR_0_1_PERCENT -> getString(R.string.passes_one_per_thousand)
}
