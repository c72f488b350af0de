package org.tfsv.app

import android.Manifest.permission.RECORD_AUDIO
import android.content.pm.PackageManager
import android.provider.Settings
import android.view.View
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Before
import org.junit.Test
import org.robolectric.Shadows.shadowOf
import org.tfsv.app.enrol.EnrolActivity

internal class MicrophoneScreenTest : OnTelephone() {
    private lateinit var screen: Screen<EnrolActivity>

    @Before
    fun withoutTheMicrophone() {
        shadowOf(telephone.app).denyPermissions(RECORD_AUDIO)
        screen = Screen.start()
    }

    @Test
    fun itAsksWhenTheMicrophoneIsNeeded() {
        assertEquals(null, shadowOf(screen.activity).lastRequestedPermission)

        screen.press(R.id.listen)

        val asked = shadowOf(screen.activity).lastRequestedPermission
        assertArrayEquals(arrayOf(RECORD_AUDIO), asked.requestedPermissions)
    }

    @Test
    fun itListensOnceAllowed() {
        screen.press(R.id.listen)

        shadowOf(telephone.app).grantPermissions(RECORD_AUDIO)
        answer(PackageManager.PERMISSION_GRANTED)

        screen.await("it listens") { FakeMicrophone.reads > 0 }
        assertEquals(word(R.string.stop), screen.text(R.id.listen))
    }

    @Test
    fun itSurvivesARefusalAndShowsTheWayToTheSettings() {
        screen.press(R.id.listen)

        answer(PackageManager.PERMISSION_DENIED)

        assertEquals(word(R.string.microphone_refused), screen.text(R.id.notice))
        assertEquals(0, FakeMicrophone.reads)
        assertTrue(screen.view<View>(R.id.listen).isEnabled)
        screen.press(R.id.open_settings)
        val settings = shadowOf(screen.activity).nextStartedActivity
        assertEquals(Settings.ACTION_APPLICATION_DETAILS_SETTINGS, settings.action)
    }

    @Test
    fun itAsksAgainAfterARefusal() {
        screen.press(R.id.listen)
        answer(PackageManager.PERMISSION_DENIED)

        screen.press(R.id.listen)
        shadowOf(telephone.app).grantPermissions(RECORD_AUDIO)
        answer(PackageManager.PERMISSION_GRANTED)

        screen.await("it listens") { FakeMicrophone.reads > 0 }
        assertFalse(screen.view<View>(R.id.notice).isShown)
    }

    private fun answer(result: Int) {
        val asked = shadowOf(screen.activity).lastRequestedPermission
        screen.activity.onRequestPermissionsResult(
            asked.requestCode,
            asked.requestedPermissions,
            intArrayOf(result),
        )
        screen.settle()
    }
}
