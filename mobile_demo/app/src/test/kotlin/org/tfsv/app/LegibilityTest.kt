package org.tfsv.app

import android.app.Activity
import android.graphics.Color
import android.view.View
import android.widget.Button
import android.widget.FrameLayout
import android.widget.ImageButton
import android.widget.TextView
import org.junit.Assert.assertEquals
import org.junit.Test

/** The check of the screens finds what it is for. */
internal class LegibilityTest : OnTelephone() {
    @Test
    fun aPlainTextHasNoFault() = assertFaults { add(text("Hello")) }

    @Test
    fun textWithoutRoomIsCutOff() =
        assertFaults("TextView “Hello” is cut off") { add(text("Hello"), height = 10) }

    @Test
    fun aWordWithoutRoomIsTorn() =
        assertFaults("TextView “Hello” breaks inside a word") { add(text("Hello"), width = 40) }

    @Test
    fun greyOnWhiteIsFaint() =
        assertFaults("TextView “Hello” has a contrast of 2.8") {
            add(text("Hello").apply { setTextColor(Color.rgb(153, 153, 153)) })
        }

    @Test
    fun smallPrintIsTooSmall() =
        assertFaults("TextView “Hello” is written too small") {
            add(text("Hello").apply { textSize = 9f })
        }

    @Test
    fun textOnTextOverlaps() =
        assertFaults("TextView “Hello” and TextView “again” overlap") {
            add(text("Hello"))
            add(text("again"))
        }

    @Test
    fun aSmallButtonIsTooSmallToPress() =
        assertFaults("View is 60.0 x 30.0 dp, too small to press") {
            add(button("Press"), width = 120, height = 60)
        }

    @Test
    fun aButtonWithoutWordsSaysNothing() =
        assertFaults("ImageButton has no words for TalkBack") {
            add(ImageButton(context), width = 100, height = 100)
        }

    @Test
    fun aButtonBehindTheStatusBarIsUnderIt() =
        assertFaults("View is under a bar of the system") {
            add(button("Press"), width = 200, height = 96, top = -TOP)
        }

    @Test
    fun whatIsBesideTheWindowSticksOut() =
        assertFaults("Button “Press” sticks out sideways") {
            add(Button(context).apply { text = "Press" }, width = 200, height = 96, left = 600)
        }

    private fun assertFaults(vararg expected: String, fill: FrameLayout.() -> Unit) {
        val screen = Screen.start<Activity>()
        val frame = FrameLayout(screen.activity).apply { setBackgroundColor(Color.WHITE) }
        frame.fill()
        screen.activity.setContentView(frame)
        assertEquals(expected.asList(), screen.faults())
    }

    private fun FrameLayout.add(
        view: View,
        width: Int = FrameLayout.LayoutParams.WRAP_CONTENT,
        height: Int = FrameLayout.LayoutParams.WRAP_CONTENT,
        left: Int = 0,
        top: Int = 0,
    ) {
        val place = FrameLayout.LayoutParams(width, height)
        place.leftMargin = left
        place.topMargin = TOP + top
        addView(view, place)
    }

    private fun FrameLayout.text(words: String) = TextView(context).apply {
        text = words
        textSize = 16f
        setTextColor(Color.BLACK)
    }

    /** Without text, which would have faults of its own. */
    private fun FrameLayout.button(words: String) = View(context).apply {
        isClickable = true
        contentDescription = words
    }

    private companion object {
        /** Below the status bar. */
        const val TOP = 100
    }
}
