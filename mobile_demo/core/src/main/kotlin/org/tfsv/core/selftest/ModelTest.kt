package org.tfsv.core.selftest

import kotlin.math.abs
import org.tfsv.core.BadInput
import org.tfsv.core.model.ModelFile
import org.tfsv.core.selftest.SelfTest.Check
import org.tfsv.core.selftest.SelfTest.Line
import org.tfsv.core.selftest.SelfTest.Result
import org.tfsv.core.voice.EmbedderFactory
import org.tfsv.core.voice.Scale
import org.tfsv.core.voice.Scorer
import org.tfsv.core.voice.Scoring
import org.tfsv.core.voice.Verification
import org.tfsv.core.voice.Voice

/** The comparisons of one golden model. */
internal class ModelTest(
    private val golden: Goldens.Model,
    private val file: ModelFile,
    private val tolerance: SelfTest.Tolerance,
) {
    private val scorer = Scorer.of(file)
    private val voices = HashMap<String, Voice>()

    /** All lines; the model is open while the sequence gives embeddings. */
    fun run(
        sounds: Map<String, FloatArray>,
        trials: List<Goldens.Trial>,
        factory: EmbedderFactory,
    ): Sequence<Line> = sequence {
        yield(line(Check.EXPANSION, "", ::expansion))
        val embedder = try {
            factory.open(file.expanded(), threads = 1)
        } catch (error: BadInput) {
            yield(Line(Check.EMBEDDING, golden.name, "", null, error.message, 0.0))
            return@sequence
        }
        embedder.use {
            for ((name, sound) in sounds) {
                yield(
                    line(Check.EMBEDDING, name) {
                        val voice = Voice.heard(embedder, sound)
                        voices[name] = voice
                        embedding(voice.embedding, golden.voices.getValue(name).embedding)
                    },
                )
            }
        }
        val bearable = if (scorer.scale == Scale.COSINE) tolerance.score else tolerance.ratio
        val results = trials.zip(golden.scores)
        for ((trial, score) in results) {
            yield(
                line(Check.SCORE, trial.test) { compared(golden.voices, trial, score, ARITHMETIC) },
            )
        }
        for ((trial, score) in results) {
            yield(line(Check.DECISION, trial.test) { compared(voices, trial, score, bearable) })
        }
    }

    private fun expansion(): Result {
        val same = file.sha256 == golden.sha256 &&
            Goldens.sha256(file.expanded()) == golden.expandedSha256
        return Result(same, same, 0.0)
    }

    private fun embedding(found: FloatArray, wanted: FloatArray): Result {
        val identical = found.contentEquals(wanted)
        val cosine = Scoring.cosine(found, wanted)
        val exact = golden.exact && tolerance.exact
        return Result(if (exact) identical else cosine > tolerance.cosine, identical, 1 - cosine)
    }

    private fun compared(
        voices: Map<String, Voice>,
        trial: Goldens.Trial,
        wanted: Goldens.Score,
        bearable: Double,
    ): Result {
        fun voiceOf(name: String) =
            voices[name] ?: throw BadInput("There is no embedding of $name.")
        val enrolled = Voice.joined(trial.enrol.map(::voiceOf))
        val found = Verification.of(scorer, enrolled, voiceOf(trial.test), golden.threshold)
        val difference = abs(found.score - wanted.value)
        val passed = found.accepted == wanted.accepted && difference <= bearable
        return Result(passed, difference == 0.0, difference)
    }

    private fun line(check: Check, subject: String, compare: () -> Result): Line {
        val start = System.nanoTime()
        var error: String? = null
        val result = try {
            compare()
        } catch (bad: BadInput) {
            error = bad.message
            null
        }
        val milliseconds = (System.nanoTime() - start) / NANOSECONDS
        return Line(check, golden.name, subject, result, error, milliseconds)
    }

    private companion object {
        const val NANOSECONDS = 1e6 // in a millisecond
        const val ARITHMETIC = 1e-5 // of scores that are made from Python's embeddings
    }
}
