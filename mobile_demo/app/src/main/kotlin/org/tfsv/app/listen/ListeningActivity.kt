package org.tfsv.app.listen

import android.Manifest
import android.content.Intent
import android.content.pm.PackageManager
import android.net.Uri
import android.provider.Settings
import org.tfsv.app.R
import org.tfsv.app.screen.Notice
import org.tfsv.app.screen.ScreenActivity

/** A screen with a panel to listen, which asks for the microphone when it is needed first. */
abstract class ListeningActivity<S : Any, T : ListeningSession<S>> : ScreenActivity<S, T>() {
    private lateinit var panel: ListenPanel

    override fun bind() {
        panel = ListenPanel(findViewById(R.id.listen_panel), ::toggle, ::openSettings)
    }

    /** Puts the phase into the panel. */
    protected fun render(phase: Phase, notice: Notice?, enabled: Boolean) {
        panel.render(phase, notice, enabled, !mayListen() && notice != null)
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
        startActivity(Intent(Settings.ACTION_APPLICATION_DETAILS_SETTINGS, app))
    }

    private companion object {
        const val MICROPHONE = 1
    }
}
