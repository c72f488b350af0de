package org.tfsv.app.verify

import org.tfsv.app.App
import org.tfsv.app.R
import org.tfsv.app.listen.ListeningSession
import org.tfsv.app.listen.Phase
import org.tfsv.app.listen.Utterance
import org.tfsv.app.models.Models
import org.tfsv.app.screen.Notice
import org.tfsv.core.model.Operating
import org.tfsv.core.people.Voiceprint
import org.tfsv.core.voice.Verification
import org.tfsv.core.voice.Voice

/**
 * What the screen "Verify" shows.
 *
 * @property people null: not read yet.
 * @property model in use; null: not read yet.
 * @property chosen id of the person whose voice it should be.
 */
data class VerifyState(
    val people: List<Voiceprint>? = null,
    val model: Models.Active? = null,
    val chosen: String? = null,
    val phase: Phase = Phase.Idle,
    val notice: Notice? = null,
    val answer: Answer? = null,
) {
    /** The person whose voice it should be. */
    val person: Voiceprint? get() = people?.find { it.id == chosen }

    /** Whether the model in use knows this person. */
    val comparable: Boolean get() = model != null && person?.modelSha256 == model.file.sha256

    /** A comparison, with what it was made by. */
    class Answer(
        val verification: Verification,
        val milliseconds: Double,
        val model: Models.Active,
        val strictness: Operating,
    )
}

/** Compares an utterance with one person's voiceprint. */
class VerifySession(app: App) : ListeningSession<VerifyState>(VerifyState(), app) {
    override fun start() = inBackground({ app.people.list().voiceprints to app.models.active() }) {
        val (people, model) = it
        val chosen = people.find { person -> person.id == state.chosen } ?: people.firstOrNull()
        show(state.copy(people = people, model = model, chosen = chosen?.id))
    }

    override fun stop() {
        super.stop()
        show(state.copy(answer = null, notice = null))
    }

    /** Another person's voice. */
    fun choose(id: String) {
        if (id != state.chosen) show(state.copy(chosen = id, answer = null, notice = null))
    }

    override fun listening(phase: Phase) {
        show(state.copy(phase = phase, notice = null, answer = null))
    }

    override fun heard(utterance: Utterance, voice: Voice) {
        val person = state.person ?: return
        if (person.modelSha256 != utterance.model.file.sha256) {
            return failed(Notice(R.string.other_model, person.name))
        }
        val strictness = app.settings.strictness
        val threshold = utterance.model.file.card.threshold(strictness)
        val verification =
            Verification.of(utterance.model.scorer, Voice.of(person), voice, threshold)
        val answer =
            VerifyState.Answer(verification, utterance.milliseconds, utterance.model, strictness)
        show(state.copy(answer = answer))
    }

    override fun failed(notice: Notice) {
        super.failed(notice)
        show(state.copy(notice = notice))
    }
}
