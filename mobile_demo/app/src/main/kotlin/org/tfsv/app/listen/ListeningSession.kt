package org.tfsv.app.listen

import java.io.IOException
import org.tfsv.app.App
import org.tfsv.app.R
import org.tfsv.app.Seams
import org.tfsv.app.screen.Notice
import org.tfsv.app.screen.Session
import org.tfsv.app.sound.Recorder
import org.tfsv.core.BadInput
import org.tfsv.core.audio.Quality
import org.tfsv.core.audio.Sound
import org.tfsv.core.voice.LongRecording
import org.tfsv.core.voice.Voice

/** A session that hears utterances, one at a time. */
abstract class ListeningSession<S : Any>(initial: S, protected val app: App) : Session<S>(initial) {
    @Volatile
    private var enough = false

    /** What becomes of the utterance. */
    var phase: Phase = Phase.Idle
        private set

    /**
     * Takes an utterance that is good enough.
     *
     * @throws BadInput comes to [failed].
     */
    @Throws(BadInput::class)
    protected abstract fun heard(utterance: Utterance, voice: Voice)

    /** Shows the phase, and no notice of the utterance before. */
    protected abstract fun listening(phase: Phase)

    /** Begins to listen. */
    fun listen() {
        if (phase != Phase.Idle) return
        enough = false
        enter(Phase.Listening(null))
        inBackground(::hear) { utterance ->
            if (utterance != null) {
                enter(Phase.Idle)
                take(utterance)
            }
        }
    }

    /** Ends the utterance. */
    fun finish() {
        enough = true
    }

    /** The microphone was refused. */
    fun refused() = failed(Notice(R.string.microphone_refused))

    override fun stop() {
        super.stop()
        if (phase != Phase.Idle) enter(Phase.Idle)
    }

    override fun failed(notice: Notice) {
        if (phase != Phase.Idle) enter(Phase.Idle)
    }

    private fun take(utterance: Utterance) {
        val problem = utterance.quality.problem()
        if (problem != null) return failed(Notice.of(problem))
        val voice = utterance.voice ?: return
        try {
            heard(utterance, voice)
        } catch (error: BadInput) {
            failed(Notice.of(error))
        }
    }

    private fun enter(next: Phase) {
        phase = next
        listening(next)
    }

    /** Null where there is none; [failed] or [stop] has ended the phase then. */
    private fun hear(ticket: Ticket): Utterance? {
        val model = app.models.active()
        val sound = try {
            Recorder(Seams.sound).record({ ticket.valid && !enough }) { progress ->
                ticket.post { enter(Phase.Listening(progress)) }
            }
        } catch (_: IOException) {
            ticket.post { failed(Notice(R.string.no_microphone)) }
            return null
        }
        if (!ticket.valid) return null
        ticket.post { enter(Phase.Thinking) }
        val quality = Quality.measure(sound)
        if (quality.problem() != null) return Utterance(quality, null, 0.0, model)
        val start = System.nanoTime()
        val embedding = LongRecording.embed(model.embedder, sound)
        val milliseconds = (System.nanoTime() - start) / NANOSECONDS
        return Utterance(quality, Voice(embedding, Sound.of(sound)), milliseconds, model)
    }

    private companion object {
        const val NANOSECONDS = 1e6 // in a millisecond
    }
}
