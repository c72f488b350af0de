package org.tfsv.app

import android.view.View
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Test
import org.tfsv.app.selftest.SelfTestActivity

internal class SelfTestScreenTest : OnTelephone() {
    @Test
    fun everyLineOfTheGoldenFilesIsShownAndAgrees() {
        val screen = Screen.start<SelfTestActivity>()

        screen.press(R.id.start)
        screen.await("it is done") { screen.view<View>(R.id.start).isEnabled }

        val lines = screen.text(R.id.lines).lines()
        assertEquals(word(R.string.self_test_passed, lines.size), screen.text(R.id.summary))
        assertFalse(lines.any { it.startsWith(word(R.string.line_failed)) })
    }
}
