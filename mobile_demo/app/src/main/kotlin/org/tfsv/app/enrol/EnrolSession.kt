package org.tfsv.app.enrol

import org.tfsv.app.App
import org.tfsv.app.listen.ListeningSession
import org.tfsv.app.listen.Phase
import org.tfsv.app.listen.Utterance
import org.tfsv.app.screen.Notice
import org.tfsv.core.people.Voiceprint
import org.tfsv.core.voice.Enrolment
import org.tfsv.core.voice.Voice

/**
 * What the screen "Enrol" shows.
 *
 * @property count utterances that were accepted.
 * @property saving whether the voiceprint is about to be kept.
 * @property saved whether the voiceprint is kept, and the screen has done its work.
 */
data class EnrolState(
    val count: Int = 0,
    val phase: Phase = Phase.Idle,
    val notice: Notice? = null,
    val saving: Boolean = false,
    val saved: Boolean = false,
) {
    /** Whether there are enough utterances. */
    val complete: Boolean get() = count >= Enrolment.UTTERANCES
}

/** Collects utterances, in memory alone, and keeps a voiceprint of them. */
class EnrolSession(app: App) : ListeningSession<EnrolState>(EnrolState(), app) {
    private var enrolment: Enrolment? = null
    private var modelSha256 = ""
    private var id = ""

    /** Opens the model meanwhile, so that listening begins at once. */
    override fun start() = inBackground({ app.models.active() }) { }

    override fun stop() {
        super.stop()
        show(state.copy(notice = null, saving = false))
    }

    /** Forgets all utterances. */
    fun again() {
        enrolment = null
        show(EnrolState())
    }

    /** Keeps the voiceprint under a name; once more, it replaces what was kept. */
    fun save(name: String) {
        if (state.saving) return
        val voice = enrolment?.takeIf { it.complete }?.voice() ?: return
        val person = Voiceprint(
            id,
            name.trim(),
            modelSha256,
            voice.embedding,
            voice.sound,
            System.currentTimeMillis(),
        )
        show(state.copy(saving = true, notice = null))
        write({ app.people.save(person) }) { show(state.copy(saved = true)) }
    }

    override fun listening(phase: Phase) {
        show(state.copy(phase = phase, notice = null))
    }

    override fun heard(utterance: Utterance, voice: Voice) {
        when (val outcome = enrolment(utterance).add(voice, utterance.quality)) {
            is Enrolment.Outcome.Accepted -> show(state.copy(count = outcome.count))
            is Enrolment.Outcome.Refused -> failed(Notice.of(outcome.problem))
        }
    }

    override fun failed(notice: Notice) {
        super.failed(notice)
        show(state.copy(notice = notice, saving = false))
    }

    private fun enrolment(utterance: Utterance): Enrolment {
        val model = utterance.model
        val file = model.file
        enrolment?.let { if (modelSha256 == file.sha256) return it }
        return Enrolment(model.scorer, file.card.likeness()).also {
            enrolment = it
            modelSha256 = file.sha256
            id = Voiceprint.newId()
        }
    }
}
