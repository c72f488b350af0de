package org.tfsv.app.selftest

import android.view.View
import android.widget.TextView
import org.tfsv.app.App
import org.tfsv.app.R
import org.tfsv.app.screen.ScreenActivity
import org.tfsv.core.selftest.SelfTest

/** Shows line by line whether the phone gives what Python gave. */
class SelfTestActivity : ScreenActivity<SelfTestState, SelfTestSession>() {
    override val layout = R.layout.self_test

    override fun newSession(app: App) = SelfTestSession(app)

    override fun bind() {
        findViewById<View>(R.id.start).setOnClickListener { session.run() }
    }

    override fun render(state: SelfTestState) {
        findViewById<View>(R.id.start).isEnabled = !state.running
        findViewById<TextView>(R.id.lines).text =
            state.lines.joinToString("\n", transform = ::words)
        findViewById<TextView>(R.id.summary).apply {
            val good = state.failures == 0 && state.notice == null
            setTextColor(getColor(if (good) R.color.accepted else R.color.rejected))
            val wanted = summary(state)
            if (text.toString() != wanted) text = wanted
        }
    }

    private fun summary(state: SelfTestState): String = when {
        state.notice != null -> state.notice.text(resources)
        state.running -> getString(R.string.self_test_running)
        state.lines.isEmpty() -> ""
        state.failures == 0 -> getString(R.string.self_test_passed, state.lines.size)
        else -> getString(R.string.self_test_failed, state.failures, state.lines.size)
    }

    private fun words(line: SelfTest.Line): String = getString(
        R.string.self_test_line,
        getString(if (line.passed) R.string.line_passed else R.string.line_failed),
        listOf(line.model, check(line.check), line.subject).filter(String::isNotEmpty)
            .joinToString(" "),
        outcome(line),
        line.milliseconds,
    )

    private fun outcome(line: SelfTest.Line): String {
        val result = line.result ?: return line.error.orEmpty()
        if (result.identical) return getString(R.string.identical)
        return getString(R.string.differs_by, result.difference)
    }

    private fun check(check: SelfTest.Check): String = getString(
        when (check) {
            SelfTest.Check.EXPANSION -> R.string.check_expansion
            SelfTest.Check.EMBEDDING -> R.string.check_embedding
            SelfTest.Check.SCORE -> R.string.check_score
            SelfTest.Check.DECISION -> R.string.check_decision
        },
    )
}
