package org.tfsv.core.selftest

import java.io.IOException
import org.tfsv.core.BadInput
import org.tfsv.core.audio.Wav
import org.tfsv.core.model.ModelFile
import org.tfsv.core.voice.EmbedderFactory

/** Whether this machine gives what Python gave: the golden files of `tfsv make-goldens`. */
object SelfTest {
    /**
     * What counts as the same; `tfsv/goldens/checking.py` says where the numbers come from.
     *
     * @property exact whether embeddings of integer arithmetic must agree bit for bit.
     * @property cosine what those of other arithmetic must exceed.
     * @property score largest difference of scores that are cosines.
     * @property ratio largest difference of scores that are log-likelihood ratios.
     */
    enum class Tolerance(
        val exact: Boolean,
        val cosine: Double,
        val score: Double,
        val ratio: Double,
    ) {
        /** For the LiteRT and the kind of processor that the files were written with. */
        SAME_KIND(true, 0.99999, 1e-5, 1e-5),

        /** For others, such as those of a phone. */
        OTHER_KIND(false, 0.9999, 5e-4, 0.05),
    }

    /** What a [Line] compares. */
    enum class Check {
        /** The bytes of the expanded model. */
        EXPANSION,

        /** The embedding of an utterance. */
        EMBEDDING,

        /** Score and decision of a trial of Python's embeddings. */
        SCORE,

        /** Score and decision of a trial of this machine's embeddings. */
        DECISION,
    }

    /**
     * One comparison.
     *
     * @property check what is compared.
     * @property model name of the golden model.
     * @property subject utterance, or that of the trial; empty for an expansion.
     * @property result what came out; null where nothing did.
     * @property error why nothing did, in a sentence.
     * @property milliseconds that it took.
     */
    class Line(
        val check: Check,
        val model: String,
        val subject: String,
        val result: Result?,
        val error: String?,
        val milliseconds: Double,
    ) {
        /** Whether this machine agrees with Python. */
        val passed: Boolean get() = result != null && result.passed
    }

    /**
     * What came out of a comparison.
     *
     * @property passed whether it agrees.
     * @property identical whether it is the same bit for bit.
     * @property difference 1 - cosine of embeddings, or difference of scores.
     */
    class Result(val passed: Boolean, val identical: Boolean, val difference: Double)

    /**
     * Compares one thing after the other, as the sequence is read.
     *
     * @throws IOException golden files are missing; thrown while the sequence is read.
     * @throws BadInput golden files are damaged; thrown while the sequence is read.
     */
    fun run(
        golden: GoldenSource,
        factory: EmbedderFactory,
        tolerance: Tolerance = Tolerance.OTHER_KIND,
    ): Sequence<Line> {
        val goldens = Goldens.read(golden)
        val sounds = goldens.utterances.associateWith { Wav.read(golden.read(it), it).forModel() }
        return goldens.models.asSequence().flatMap { model ->
            val file = ModelFile.read(golden.read(model.file), model.file)
            ModelTest(model, file, tolerance).run(sounds, goldens.trials, factory)
        }
    }
}
