package org.tfsv.app.models

import kotlin.random.Random
import org.tfsv.app.Seams
import org.tfsv.core.BadInput
import org.tfsv.core.audio.Recording
import org.tfsv.core.model.ModelFile

/**
 * How long one embedding takes.
 *
 * @property packed milliseconds with the file as it is; null where the runtime refuses it so.
 * @property expanded milliseconds with the expanded model.
 */
class Speed private constructor(val packed: Double?, val expanded: Double) {
    companion object {
        /** Seconds of sound that are embedded. */
        const val SECONDS: Int = 3

        private const val RUNS = 7
        private const val NANOSECONDS = 1e6 // in a millisecond
        private const val LOUDNESS = 0.1f

        /**
         * Measures a model with noise, the median of some runs after a first one.
         *
         * @throws BadInput the runtime refuses the expanded model.
         */
        fun measure(file: ModelFile): Speed {
            val random = Random(0)
            val noise = FloatArray(SECONDS * Recording.MODEL_RATE) {
                LOUDNESS * (2 * random.nextFloat() - 1)
            }
            val packed = try {
                Seams.embedders.open(file.plain(), Models.THREADS)
            } catch (_: BadInput) {
                null
            }
            return Speed(
                packed?.use { milliseconds { it.embed(noise) } },
                Seams.embedders.open(file.expanded(), Models.THREADS).use {
                    milliseconds { it.embed(noise) }
                },
            )
        }

        private fun milliseconds(work: () -> Unit): Double {
            work()
            val times = DoubleArray(RUNS) {
                val start = System.nanoTime()
                work()
                (System.nanoTime() - start) / NANOSECONDS
            }
            times.sort()
            return times[RUNS / 2]
        }
    }
}
