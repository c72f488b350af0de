package org.tfsv.app.enrol

import android.text.Editable
import android.text.TextWatcher
import android.view.View
import android.widget.EditText
import android.widget.ProgressBar
import android.widget.TextView
import android.widget.Toast
import org.tfsv.app.App
import org.tfsv.app.R
import org.tfsv.app.listen.ListeningActivity
import org.tfsv.app.listen.Phase
import org.tfsv.app.screen.visible
import org.tfsv.core.voice.Enrolment

/** Takes three utterances of somebody and a name. */
class EnrolActivity : ListeningActivity<EnrolState, EnrolSession>() {
    private lateinit var name: EditText

    override val layout = R.layout.enrol

    override fun newSession(app: App) = EnrolSession(app)

    override fun bind() {
        super.bind()
        name = findViewById(R.id.name)
        name.addTextChangedListener(object : TextWatcher {
            override fun afterTextChanged(text: Editable?) = renderSave(session.state)

            override fun beforeTextChanged(text: CharSequence?, at: Int, old: Int, new: Int) = Unit

            override fun onTextChanged(text: CharSequence?, at: Int, old: Int, new: Int) = Unit
        })
        findViewById<ProgressBar>(R.id.utterances).max = Enrolment.UTTERANCES
        findViewById<View>(R.id.save).setOnClickListener { session.save(name.text.toString()) }
        findViewById<View>(R.id.again).setOnClickListener { session.again() }
    }

    override fun render(state: EnrolState) {
        if (state.saved) return leave()
        findViewById<TextView>(R.id.progress).apply {
            val wanted = if (state.complete) {
                getString(R.string.enough)
            } else {
                getString(R.string.utterance, state.count + 1, Enrolment.UTTERANCES)
            }
            if (text.toString() != wanted) text = wanted
        }
        findViewById<ProgressBar>(R.id.utterances).progress = state.count
        findViewById<TextView>(R.id.sentence).apply {
            visibility = visible(!state.complete)
            if (!state.complete) setText(SENTENCES[state.count])
        }
        render(state.phase, state.notice, enabled = !state.complete)
        findViewById<View>(R.id.again).visibility =
            visible(state.count > 0 && state.phase == Phase.Idle && !state.saving)
        renderSave(state)
    }

    private fun renderSave(state: EnrolState) {
        findViewById<View>(R.id.save).isEnabled =
            state.complete && !state.saving && name.text.isNotBlank()
    }

    private fun leave() {
        if (isFinishing) return
        Toast.makeText(this, getString(R.string.saved, name.text.trim()), Toast.LENGTH_SHORT).show()
        finish()
    }

    private companion object {
        val SENTENCES = listOf(R.string.sentence_1, R.string.sentence_2, R.string.sentence_3)
    }
}
