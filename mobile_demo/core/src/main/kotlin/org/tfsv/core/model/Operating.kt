package org.tfsv.core.model

/**
 * Where a model decides, by the share of strangers whom it accepts.
 *
 * @property entry its name in the model card.
 * @property falseAcceptRate share of strangers.
 */
enum class Operating(val entry: String, val falseAcceptRate: Double) {
    /** One stranger of a hundred passes. */
    FAR_1_PERCENT("far_0.01", 0.01),

    /** One stranger of a thousand passes. */
    FAR_0_1_PERCENT("far_0.001", 0.001),
}
