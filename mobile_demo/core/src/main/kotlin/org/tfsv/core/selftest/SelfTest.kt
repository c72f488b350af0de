package org.tfsv.core.selftest

import java.io.IOException
import kotlin.math.abs
import org.tfsv.core.BadInput
import org.tfsv.core.audio.Wav
import org.tfsv.core.model.ModelFile
import org.tfsv.core.voice.EmbedderFactory
import org.tfsv.core.voice.LongRecording
import org.tfsv.core.voice.Scoring
import org.tfsv.core.voice.Vectors
import org.tfsv.core.voice.Verification

/** Whether this machine gives what Python gave: the golden files of `tools/make_goldens.py`. */
object SelfTest {
    /** Cosine above which two embeddings of float arithmetic are the same. */
    const val LOWEST_COSINE: Double = 0.99999

    /** Difference up to which two scores are the same. */
    const val SCORE_TOLERANCE: Double = 1e-5

    private const val NANOSECONDS = 1e6 // in a millisecond

    /** What a [Line] compares. */
    enum class Check {
        /** The bytes of the expanded model. */
        EXPANSION,

        /** The embedding of an utterance. */
        EMBEDDING,

        /** Score and decision of a trial. */
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
    fun run(golden: GoldenSource, factory: EmbedderFactory): Sequence<Line> {
        val goldens = Goldens.read(golden)
        val sounds = goldens.utterances.associateWith { Wav.read(golden.read(it), it).forModel() }
        return goldens.models.asSequence().flatMap { model ->
            val file = ModelFile.read(golden.read(model.file), model.file)
            val embeddings = HashMap<String, FloatArray>()
            sequence {
                yield(line(Check.EXPANSION, model.name, "") { expansion(file, model) })
                yieldAll(embeddings(file, model, factory, sounds, embeddings))
                for ((trial, score) in goldens.trials.zip(model.scores)) {
                    yield(
                        line(Check.DECISION, model.name, trial.test) {
                            decision(trial, score, model.threshold, embeddings)
                        },
                    )
                }
            }
        }
    }

    private fun embeddings(
        file: ModelFile,
        model: Goldens.Model,
        factory: EmbedderFactory,
        sounds: Map<String, FloatArray>,
        found: MutableMap<String, FloatArray>,
    ): Sequence<Line> = sequence {
        val embedder = try {
            factory.open(file.expanded(), threads = 1)
        } catch (error: BadInput) {
            yield(Line(Check.EMBEDDING, model.name, "", null, error.message, 0.0))
            return@sequence
        }
        embedder.use {
            for ((name, sound) in sounds) {
                yield(
                    line(Check.EMBEDDING, model.name, name) {
                        val embedding = LongRecording.embed(embedder, sound)
                        found[name] = embedding
                        embedding(embedding, model.embeddings.getValue(name), model.exact)
                    },
                )
            }
        }
    }

    private fun expansion(file: ModelFile, model: Goldens.Model): Result {
        val same = file.sha256 == model.sha256 &&
            Goldens.sha256(file.expanded()) == model.expandedSha256
        return Result(same, same, 0.0)
    }

    private fun embedding(found: FloatArray, wanted: FloatArray, exact: Boolean): Result {
        val identical = found.contentEquals(wanted)
        val cosine = Scoring.cosine(found, wanted)
        return Result(if (exact) identical else cosine > LOWEST_COSINE, identical, 1 - cosine)
    }

    private fun decision(
        trial: Goldens.Trial,
        wanted: Goldens.Score,
        threshold: Double,
        embeddings: Map<String, FloatArray>,
    ): Result {
        fun of(name: String) = embeddings[name] ?: throw BadInput("There is no embedding of $name.")
        val voiceprint = Vectors.meanDirection(trial.enrol.map(::of))
        val found = Verification.of(voiceprint, of(trial.test), threshold)
        val difference = abs(found.score - wanted.value)
        val same = found.accepted == wanted.accepted
        return Result(same && difference <= SCORE_TOLERANCE, difference == 0.0, difference)
    }

    private fun line(check: Check, model: String, subject: String, compare: () -> Result): Line {
        val start = System.nanoTime()
        var error: String? = null
        val result = try {
            compare()
        } catch (bad: BadInput) {
            error = bad.message
            null
        }
        return Line(check, model, subject, result, error, (System.nanoTime() - start) / NANOSECONDS)
    }
}
