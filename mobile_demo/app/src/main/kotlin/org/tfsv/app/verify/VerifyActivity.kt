package org.tfsv.app.verify

import android.content.Intent
import android.view.View
import android.widget.AdapterView
import android.widget.ArrayAdapter
import android.widget.Spinner
import android.widget.TextView
import org.tfsv.app.App
import org.tfsv.app.R
import org.tfsv.app.enrol.EnrolActivity
import org.tfsv.app.listen.ListeningActivity
import org.tfsv.app.screen.modelTitle
import org.tfsv.app.screen.score
import org.tfsv.app.screen.strangers
import org.tfsv.app.screen.visible
import org.tfsv.core.people.Voiceprint

/** Asks whether it is the same voice. */
class VerifyActivity : ListeningActivity<VerifyState, VerifySession>() {
    private lateinit var spinner: Spinner
    private var listed: List<Voiceprint> = emptyList()

    override val layout = R.layout.verify
    override val destination = R.id.to_verify

    override fun newSession(app: App) = VerifySession(app)

    override fun bind() {
        super.bind()
        spinner = findViewById(R.id.person)
        spinner.onItemSelectedListener = object : AdapterView.OnItemSelectedListener {
            override fun onItemSelected(parent: AdapterView<*>?, view: View?, at: Int, id: Long) {
                session.choose(listed[at].id)
            }

            override fun onNothingSelected(parent: AdapterView<*>?) = Unit
        }
        for (id in listOf(R.id.enrol_first, R.id.enrol_again)) {
            findViewById<View>(id).setOnClickListener {
                startActivity(Intent(this, EnrolActivity::class.java))
            }
        }
    }

    override fun render(state: VerifyState) {
        val people = state.people
        findViewById<View>(R.id.nobody).visibility = visible(people?.isEmpty() == true)
        findViewById<View>(R.id.choice).visibility = visible(!people.isNullOrEmpty())
        list(people.orEmpty(), state.chosen)
        val person = state.person
        val other = person != null && state.model != null && !state.comparable
        findViewById<View>(R.id.enrol_again).visibility = visible(other)
        val explanation = findViewById<TextView>(R.id.other_model)
        explanation.visibility = visible(other)
        if (other) explanation.text = getString(R.string.other_model, person?.name)
        render(state.phase, state.notice, state.comparable)
        renderAnswer(state.answer != null)
        state.answer?.let(::render)
    }

    private fun list(people: List<Voiceprint>, chosen: String?) {
        if (people != listed) {
            listed = people
            spinner.adapter = ArrayAdapter(
                this,
                android.R.layout.simple_spinner_dropdown_item,
                people.map(Voiceprint::name),
            )
        }
        val position = people.indexOfFirst { it.id == chosen }
        if (position >= 0 && position != spinner.selectedItemPosition) {
            spinner.setSelection(position)
        }
    }

    private fun render(answer: VerifyState.Answer) {
        val verification = answer.verification
        val accepted = verification.accepted
        findViewById<View>(R.id.answer).setBackgroundResource(
            if (accepted) R.drawable.card_accepted else R.drawable.card_rejected,
        )
        val colour = getColor(if (accepted) R.color.accepted else R.color.rejected)
        val icon = getDrawable(if (accepted) R.drawable.icon_verify else R.drawable.icon_reject)
        icon?.mutate()?.setTint(colour)
        findViewById<TextView>(R.id.decision).apply {
            setText(if (accepted) R.string.accepted else R.string.rejected)
            setTextColor(colour)
            setCompoundDrawablesRelativeWithIntrinsicBounds(icon, null, null, null)
        }
        val scale = answer.model.scorer.scale
        val percent = scale.percent(verification.score, verification.threshold)
        findViewById<ScoreScale>(R.id.scale).show(percent, accepted)
        findViewById<TextView>(R.id.score).text =
            resources.score(scale, verification.score, verification.threshold)
        val model = resources.modelTitle(answer.model.file.card, answer.model.choice.name)
        findViewById<TextView>(R.id.how).text = getString(
            R.string.how,
            model,
            answer.milliseconds,
            resources.strangers(answer.strictness),
        )
    }
}
