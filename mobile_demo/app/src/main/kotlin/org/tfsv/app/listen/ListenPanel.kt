package org.tfsv.app.listen

import android.view.View
import android.widget.Button
import android.widget.TextView
import org.tfsv.app.R
import org.tfsv.app.screen.Notice
import org.tfsv.app.screen.show
import org.tfsv.app.screen.visible
import org.tfsv.app.sound.Recorder

/** The views of `listen.xml`: the button, the level, what went wrong. */
internal class ListenPanel(root: View, toggle: () -> Unit, openSettings: () -> Unit) {
    private val button: Button = root.findViewById(R.id.listen)
    private val meter: LevelMeter = root.findViewById(R.id.meter)
    private val listening: TextView = root.findViewById(R.id.listening)
    private val notice: TextView = root.findViewById(R.id.notice)
    private val settings: View = root.findViewById(R.id.open_settings)

    init {
        button.setOnClickListener { toggle() }
        settings.setOnClickListener { openSettings() }
    }

    /**
     * Shows a phase.
     *
     * @param enabled whether listening may begin; what has begun can always be stopped.
     */
    fun render(phase: Phase, notice: Notice?, enabled: Boolean, offerSettings: Boolean) {
        val progress = (phase as? Phase.Listening)?.progress
        button.isEnabled = phase is Phase.Listening || enabled && phase == Phase.Idle
        button.isActivated = phase is Phase.Listening
        button.setText(if (phase is Phase.Listening) R.string.stop else R.string.listen)
        meter.level = progress?.level ?: 0f
        listening.text = text(phase, progress)
        this.notice.show(notice)
        settings.visibility = visible(offerSettings)
    }

    private fun text(phase: Phase, progress: Recorder.Progress?): String = when {
        phase == Phase.Thinking -> listening.resources.getString(R.string.thinking)
        phase is Phase.Listening -> listening.resources.getString(
            R.string.listening,
            progress?.speechSeconds ?: 0.0,
            Recorder.ENOUGH_SECONDS,
            progress?.usablePercent ?: 0,
        )
        else -> listening.resources.getString(R.string.listen_hint)
    }
}
