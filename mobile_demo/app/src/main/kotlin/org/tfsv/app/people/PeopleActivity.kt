package org.tfsv.app.people

import android.content.Intent
import android.text.format.DateUtils
import android.view.View
import android.view.ViewGroup
import android.widget.LinearLayout
import android.widget.TextView
import org.tfsv.app.App
import org.tfsv.app.R
import org.tfsv.app.enrol.EnrolActivity
import org.tfsv.app.screen.ScreenActivity
import org.tfsv.app.screen.show
import org.tfsv.app.screen.visible
import org.tfsv.core.people.People
import org.tfsv.core.people.Voiceprint

/** Lists who is enrolled. */
class PeopleActivity : ScreenActivity<PeopleState, PeopleSession>() {
    private val dialog = QuestionDialog(this, { session.confirm() }, { session.dismiss() })
    private var listed: People.Listing? = null

    override val layout = R.layout.people
    override val destination = R.id.to_people

    override fun newSession(app: App) = PeopleSession(app)

    override fun bind() {
        findViewById<View>(R.id.enrol).setOnClickListener {
            startActivity(Intent(this, EnrolActivity::class.java))
        }
        findViewById<View>(R.id.delete_all).setOnClickListener {
            session.ask(Question.DeleteAll)
        }
    }

    override fun render(state: PeopleState) {
        findViewById<TextView>(R.id.notice).show(state.notice)
        dialog.render(state.question)
        val people = state.people ?: return
        val none = people.voiceprints.isEmpty() && people.damaged.isEmpty()
        findViewById<View>(R.id.nobody).visibility = visible(none)
        findViewById<View>(R.id.delete_all).visibility = visible(!none)
        if (people != listed) list(people, state.modelSha256)
        listed = people
    }

    override fun onStop() {
        dialog.close()
        super.onStop()
    }

    private fun list(people: People.Listing, modelSha256: String) {
        val list = findViewById<ViewGroup>(R.id.list)
        list.removeAllViews()
        for (person in people.voiceprints) list.addView(row(list, person, modelSha256))
        for (id in people.damaged) list.addView(damagedRow(list, id))
    }

    private fun emptyRow(list: ViewGroup): View {
        val row = layoutInflater.inflate(R.layout.person, list, false)
        if (resources.configuration.fontScale > LARGE_LETTERS) {
            row.findViewById<LinearLayout>(R.id.buttons).orientation = LinearLayout.VERTICAL
        }
        return row
    }

    private fun row(list: ViewGroup, person: Voiceprint, modelSha256: String): View {
        val row = emptyRow(list)
        row.findViewById<TextView>(R.id.name).text = person.name
        val date = DateUtils.formatDateTime(this, person.created, DateUtils.FORMAT_SHOW_YEAR)
        val known = person.modelSha256 == modelSha256
        row.findViewById<TextView>(R.id.details).text =
            getString(if (known) R.string.enrolled_on else R.string.enrolled_other_model, date)
        row.findViewById<View>(R.id.rename).apply {
            contentDescription = getString(R.string.rename_person, person.name)
            setOnClickListener { session.ask(Question.Rename(person.id, person.name)) }
        }
        row.findViewById<View>(R.id.delete).apply {
            contentDescription = getString(R.string.delete_person, person.name)
            setOnClickListener { session.ask(Question.Delete(person.id, person.name)) }
        }
        return row
    }

    private fun damagedRow(list: ViewGroup, id: String): View {
        val row = emptyRow(list)
        row.findViewById<TextView>(R.id.name).setText(R.string.damaged)
        row.findViewById<TextView>(R.id.details).setText(R.string.damaged_why)
        row.findViewById<View>(R.id.rename).visibility = visible(false)
        row.findViewById<View>(R.id.delete).setOnClickListener {
            session.ask(Question.Delete(id, null))
        }
        return row
    }

    private companion object {
        /** Two buttons do not fit beside each other from here on. */
        const val LARGE_LETTERS = 1.3f
    }
}
