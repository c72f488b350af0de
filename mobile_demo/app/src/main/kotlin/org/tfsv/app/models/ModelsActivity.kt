package org.tfsv.app.models

import android.app.Activity
import android.content.Intent
import android.text.format.Formatter
import android.view.View
import android.view.ViewGroup
import android.widget.RadioButton
import android.widget.RadioGroup
import android.widget.TextView
import org.tfsv.app.App
import org.tfsv.app.R
import org.tfsv.app.screen.ScreenActivity
import org.tfsv.app.screen.modelTitle
import org.tfsv.app.screen.show
import org.tfsv.app.screen.visible
import org.tfsv.app.selftest.SelfTestActivity
import org.tfsv.core.model.Operating

/** Shows the models side by side. */
class ModelsActivity : ScreenActivity<ModelsState, ModelsSession>() {
    private var listed: Pair<List<Entry>, String>? = null

    override val layout = R.layout.models
    override val destination = R.id.to_models

    override fun newSession(app: App) = ModelsSession(app)

    override fun bind() {
        findViewById<View>(R.id.measure).setOnClickListener { session.measure() }
        findViewById<View>(R.id.open).setOnClickListener { pick() }
        findViewById<View>(R.id.self_test).setOnClickListener {
            startActivity(Intent(this, SelfTestActivity::class.java))
        }
        for ((id, strictness) in STRICTNESSES) {
            findViewById<View>(id).setOnClickListener { session.choose(strictness) }
        }
    }

    override fun render(state: ModelsState) {
        findViewById<TextView>(R.id.notice).show(state.notice)
        findViewById<View>(R.id.busy).visibility = visible(state.busy)
        findViewById<View>(R.id.measure).isEnabled = !state.busy && state.entries.isNotEmpty()
        findViewById<View>(R.id.open).isEnabled = !state.busy
        val chosen = STRICTNESSES.entries.first { it.value == state.strictness }.key
        findViewById<RadioGroup>(R.id.strictness).check(chosen)
        val wanted = state.entries to state.active
        if (wanted != listed) list(state)
        listed = wanted
    }

    override fun onActivityResult(requestCode: Int, resultCode: Int, data: Intent?) {
        super.onActivityResult(requestCode, resultCode, data)
        val file = data?.data
        if (requestCode == PICK && resultCode == Activity.RESULT_OK && file != null) {
            session.open(file)
        }
    }

    private fun pick() {
        val any = Intent(Intent.ACTION_OPEN_DOCUMENT)
            .addCategory(Intent.CATEGORY_OPENABLE)
            .setType("*/*")
        startElsewhere(any, PICK)
    }

    private fun list(state: ModelsState) {
        val list = findViewById<ViewGroup>(R.id.list)
        list.removeAllViews()
        for (entry in state.entries) list.addView(row(list, entry, state.active))
    }

    private fun row(list: ViewGroup, entry: Entry, active: String): View {
        val row = layoutInflater.inflate(R.layout.model, list, false)
        val title = resources.modelTitle(entry.card, entry.choice.name)
        row.findViewById<RadioButton>(R.id.use).apply {
            text = title
            isChecked = entry.choice.id == active
            setOnClickListener { session.use(entry.choice) }
        }
        row.findViewById<TextView>(R.id.details).text = getString(
            R.string.model_details,
            Formatter.formatShortFileSize(this, entry.size.toLong()),
            Formatter.formatShortFileSize(this, entry.expandedSize.toLong()),
            entry.card.eer?.let { getString(R.string.percent, PERCENT * it) }
                ?: getString(R.string.not_measured),
        )
        row.findViewById<TextView>(R.id.speed).apply {
            visibility = visible(entry.speed != null)
            text = entry.speed?.let(::words)
        }
        row.findViewById<TextView>(R.id.trained_on).apply {
            visibility = visible(entry.card.trainedOn.isNotEmpty())
            text = getString(R.string.trained_on, entry.card.trainedOn)
        }
        row.findViewById<View>(R.id.remove).apply {
            visibility = visible(!entry.choice.bundled)
            contentDescription = getString(R.string.remove_model, title)
            setOnClickListener { session.remove(entry.choice) }
        }
        return row
    }

    private fun words(speed: Speed): String {
        val packed = speed.packed
            ?: return getString(R.string.speed_expanded, speed.expanded, Speed.SECONDS)
        return getString(R.string.speed, packed, speed.expanded, Speed.SECONDS)
    }

    private companion object {
        const val PICK = 1
        const val PERCENT = 100
        val STRICTNESSES = mapOf(
            R.id.one_percent to Operating.FAR_1_PERCENT,
            R.id.one_per_thousand to Operating.FAR_0_1_PERCENT,
        )
    }
}
