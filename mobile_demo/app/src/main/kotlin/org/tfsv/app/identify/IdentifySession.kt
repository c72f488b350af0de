package org.tfsv.app.identify

import org.tfsv.app.App
import org.tfsv.app.R
import org.tfsv.app.listen.ListeningSession
import org.tfsv.app.listen.Phase
import org.tfsv.app.listen.Utterance
import org.tfsv.app.models.Models
import org.tfsv.app.screen.Notice
import org.tfsv.core.model.Operating
import org.tfsv.core.people.Voiceprint
import org.tfsv.core.voice.Identification
import org.tfsv.core.voice.Voice

/**
 * What the screen "Identify" shows.
 *
 * @property people whom the model in use knows; null: not read yet.
 */
data class IdentifyState(
    val people: List<Voiceprint>? = null,
    val phase: Phase = Phase.Idle,
    val notice: Notice? = null,
    val answer: Answer? = null,
) {
    /** A ranking, the most alike first, with what it was made by. */
    class Answer(
        val ranking: List<Identification.Candidate>,
        val threshold: Double,
        val milliseconds: Double,
        val model: Models.Active,
        val strictness: Operating,
    )
}

/** Compares an utterance with everyone. */
class IdentifySession(app: App) : ListeningSession<IdentifyState>(IdentifyState(), app) {
    override fun start() = inBackground({ people(app.models.active()) }) { people ->
        val none = if (people.isEmpty()) Notice(R.string.nobody_for_model) else null
        show(state.copy(people = people, notice = none))
    }

    override fun stop() {
        super.stop()
        show(state.copy(answer = null, notice = null))
    }

    override fun listening(phase: Phase) {
        show(state.copy(phase = phase, notice = null, answer = null))
    }

    override fun heard(utterance: Utterance, voice: Voice) {
        val identity = utterance.model.file.sha256
        val people = state.people.orEmpty().filter { it.modelSha256 == identity }
        if (people.isEmpty()) return failed(Notice(R.string.nobody_for_model))
        val strictness = app.settings.strictness
        val answer = IdentifyState.Answer(
            Identification.rank(utterance.model.scorer, people, voice),
            utterance.model.file.card.threshold(strictness),
            utterance.milliseconds,
            utterance.model,
            strictness,
        )
        show(state.copy(answer = answer))
    }

    override fun failed(notice: Notice) {
        super.failed(notice)
        show(state.copy(notice = notice))
    }

    private fun people(model: Models.Active) = app.people.list().of(model.file.sha256)
}
