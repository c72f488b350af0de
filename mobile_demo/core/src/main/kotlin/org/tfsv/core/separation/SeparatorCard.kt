package org.tfsv.core.separation

/**
 * What a causal separator says of itself; see `tfsv/separation/separator_settings.py`.
 *
 * @property stacks of blocks.
 * @property blocks of a stack, each of which is dilated twice as far as the one before.
 * @property channels between blocks.
 * @property hidden channels within a block.
 * @property norm "cumulative" or "batch".
 * @property positions place of each microphone on a line, metres from its middle.
 * @property bits of a weight of each quantized layer; empty for a float model.
 * @property trainedOn the corpora, in words.
 */
class SeparatorCard internal constructor(
    val stacks: Int,
    val blocks: Int,
    val channels: Int,
    val hidden: Int,
    val norm: String,
    val positions: List<Double>,
    val bits: Map<String, Int>,
    val trainedOn: String,
) {
    /** How many microphones it hears with. */
    val microphones: Int get() = positions.size

    internal val cumulative: Boolean get() = norm == CUMULATIVE

    internal companion object {
        const val CUMULATIVE = "cumulative"
        const val BATCH = "batch"
    }
}
