package org.tfsv.app.identify

import android.view.View
import android.view.ViewGroup
import android.widget.TextView
import org.tfsv.app.App
import org.tfsv.app.R
import org.tfsv.app.listen.ListeningActivity
import org.tfsv.app.screen.modelTitle
import org.tfsv.app.screen.score
import org.tfsv.app.screen.strangers
import org.tfsv.app.verify.ScoreScale
import org.tfsv.core.voice.Identification

/** Asks whose voice it is. */
class IdentifyActivity : ListeningActivity<IdentifyState, IdentifySession>() {
    private var shown: IdentifyState.Answer? = null

    override val layout = R.layout.identify
    override val destination = R.id.to_identify

    override fun newSession(app: App) = IdentifySession(app)

    override fun render(state: IdentifyState) {
        render(state.phase, state.notice, enabled = !state.people.isNullOrEmpty())
        renderAnswer(state.answer != null)
        if (state.answer != shown) state.answer?.let(::render)
        shown = state.answer
    }

    private fun render(answer: IdentifyState.Answer) {
        val best = answer.ranking.first()
        findViewById<TextView>(R.id.best).text = if (best.score >= answer.threshold) {
            getString(R.string.probably, best.voiceprint.name)
        } else {
            getString(R.string.nobody_known)
        }
        val list = findViewById<ViewGroup>(R.id.candidates)
        list.removeAllViews()
        answer.ranking.forEachIndexed { index, candidate ->
            val row = layoutInflater.inflate(R.layout.candidate, list, false)
            render(row, index + 1, candidate, answer)
            list.addView(row)
        }
        val model = resources.modelTitle(answer.model.file.card, answer.model.choice.name)
        findViewById<TextView>(R.id.how).text = getString(
            R.string.how,
            model,
            answer.milliseconds,
            resources.strangers(answer.strictness),
        )
    }

    private fun render(
        row: View,
        rank: Int,
        candidate: Identification.Candidate,
        answer: IdentifyState.Answer,
    ) {
        val scale = answer.model.scorer.scale
        val threshold = answer.threshold
        row.findViewById<TextView>(R.id.name).text =
            getString(R.string.ranked, rank, candidate.voiceprint.name)
        row.findViewById<ScoreScale>(R.id.scale)
            .show(scale.percent(candidate.score, threshold), candidate.score >= threshold)
        row.findViewById<TextView>(R.id.score).text =
            resources.score(scale, candidate.score, threshold)
    }
}
