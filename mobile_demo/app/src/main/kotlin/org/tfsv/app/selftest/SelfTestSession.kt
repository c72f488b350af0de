package org.tfsv.app.selftest

import org.tfsv.app.App
import org.tfsv.app.Seams
import org.tfsv.app.screen.Notice
import org.tfsv.app.screen.Session
import org.tfsv.core.selftest.GoldenSource
import org.tfsv.core.selftest.SelfTest

/**
 * What the screen "Self-test" shows.
 *
 * @property lines results so far.
 * @property running whether more will come.
 */
data class SelfTestState(
    val lines: List<SelfTest.Line> = emptyList(),
    val running: Boolean = false,
    val notice: Notice? = null,
) {
    /** Results that are not as they have to be. */
    val failures: Int get() = lines.count { !it.passed }
}

/** Compares what the phone computes with the golden files in the app's assets. */
class SelfTestSession(private val app: App) : Session<SelfTestState>(SelfTestState()) {
    private val golden = GoldenSource { name ->
        app.assets.open("$ASSETS/$name").use { it.readBytes() }
    }

    /** Begins. */
    fun run() {
        if (state.running) return
        show(SelfTestState(running = true))
        inBackground({ ticket ->
            for (line in SelfTest.run(golden, Seams.embedders)) {
                if (!ticket.valid) break
                ticket.post { show(state.copy(lines = state.lines + line)) }
            }
        }) { show(state.copy(running = false)) }
    }

    override fun stop() {
        super.stop()
        if (state.running) show(SelfTestState())
    }

    override fun failed(notice: Notice) = show(state.copy(running = false, notice = notice))

    private companion object {
        const val ASSETS = "golden"
    }
}
