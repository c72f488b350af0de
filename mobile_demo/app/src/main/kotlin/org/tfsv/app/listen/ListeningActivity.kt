package org.tfsv.app.listen

import android.Manifest
import android.content.Intent
import android.content.pm.PackageManager
import android.graphics.Rect
import android.net.Uri
import android.provider.Settings
import android.view.View
import org.tfsv.app.R
import org.tfsv.app.screen.Notice
import org.tfsv.app.screen.ScreenActivity
import org.tfsv.app.screen.visible

/** A screen with a panel to listen, which asks for the microphone when it is needed first. */
abstract class ListeningActivity<S : Any, T : ListeningSession<S>> : ScreenActivity<S, T>() {
    private lateinit var panel: ListenPanel

    override fun bind() {
        panel = ListenPanel(findViewById(R.id.listen_panel), ::toggle, ::openSettings)
    }

    /** Puts the phase into the panel. */
    protected fun render(phase: Phase, notice: Notice?, enabled: Boolean) {
        val refused = notice?.id == R.string.microphone_refused && !mayListen()
        panel.render(phase, notice, enabled, offerSettings = refused)
    }

    /** Shows or hides the answer, and scrolls to one that has come. */
    protected fun renderAnswer(shown: Boolean) {
        val answer = findViewById<View>(R.id.answer)
        val comes = shown && answer.visibility != View.VISIBLE
        answer.visibility = visible(shown)
        if (comes) answer.addOnLayoutChangeListener(ScrollOnce)
    }

    private fun toggle() {
        if (session.phase != Phase.Idle) {
            session.finish()
        } else if (mayListen()) {
            session.listen()
        } else {
            requestPermissions(arrayOf(Manifest.permission.RECORD_AUDIO), MICROPHONE)
        }
    }

    override fun onRequestPermissionsResult(
        requestCode: Int,
        permissions: Array<out String>,
        grantResults: IntArray,
    ) {
        super.onRequestPermissionsResult(requestCode, permissions, grantResults)
        if (requestCode != MICROPHONE || grantResults.isEmpty()) return
        if (mayListen()) session.listen() else session.refused()
    }

    private fun mayListen(): Boolean =
        checkSelfPermission(Manifest.permission.RECORD_AUDIO) == PackageManager.PERMISSION_GRANTED

    private fun openSettings() {
        val app = Uri.fromParts("package", packageName, null)
        startElsewhere(Intent(Settings.ACTION_APPLICATION_DETAILS_SETTINGS, app))
    }

    /** Scrolls to a view when it has its place. */
    private object ScrollOnce : View.OnLayoutChangeListener {
        override fun onLayoutChange(
            view: View,
            left: Int,
            top: Int,
            right: Int,
            bottom: Int,
            oldLeft: Int,
            oldTop: Int,
            oldRight: Int,
            oldBottom: Int,
        ) {
            view.removeOnLayoutChangeListener(this)
            view.post { view.requestRectangleOnScreen(Rect(0, 0, view.width, view.height)) }
        }
    }

    private companion object {
        const val MICROPHONE = 1
    }
}
