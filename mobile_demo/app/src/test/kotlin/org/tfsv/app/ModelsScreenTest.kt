package org.tfsv.app

import android.app.Activity
import android.content.Intent
import android.net.Uri
import android.view.View
import android.view.ViewGroup
import android.widget.RadioButton
import android.widget.TextView
import java.io.ByteArrayInputStream
import java.io.File
import java.io.InputStream
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Test
import org.robolectric.Shadows.shadowOf
import org.tfsv.app.models.ModelsActivity
import org.tfsv.core.model.Operating

internal class ModelsScreenTest : OnTelephone() {
    @Test
    fun itListsTheBundledWidthsAndUsesTheOneThatIsChosen() {
        val screen = listing()
        assertEquals(listOf(true, false, false), rows(screen).map { use(it).isChecked })

        use(rows(screen)[2]).performClick()

        screen.await("the third is in use") {
            rows(screen).map { use(it).isChecked } == listOf(false, false, true)
        }
        val (active, third) = telephone.onWorker {
            val models = telephone.app.models
            models.active().choice.id to models.available()[2].id
        }
        assertEquals(third, active)
    }

    @Test
    fun itMeasuresAllModels() {
        val screen = listing()

        screen.press(R.id.measure)
        screen.await("all are measured") { !screen.view<View>(R.id.busy).isShown }

        for (row in rows(screen)) {
            val speed = row.findViewById<TextView>(R.id.speed)
            assertTrue(speed.isShown)
            assertTrue("${speed.text}", Regex("\\d+\\.\\d.ms").containsMatchIn(speed.text))
        }
        assertEquals(emptyList<String>(), screen.faults())
    }

    @Test
    fun theStrictnessIsRemembered() {
        val screen = listing()

        screen.press(R.id.one_per_thousand)

        assertEquals(Operating.FAR_0_1_PERCENT, telephone.app.settings.strictness)
        screen.rotate()
        assertTrue(screen.view<RadioButton>(R.id.one_per_thousand).isChecked)
    }

    @Test
    fun aModelIsOpenedUsedAndRemoved() {
        val screen = listing()

        open(screen, File(GoldenVoice.golden, MINE).inputStream())
        screen.await("it is listed") { rows(screen).size == BUNDLED + 1 }

        assertEquals(word(R.string.opened, MINE), screen.text(R.id.notice))
        assertTrue(use(rows(screen).last()).isChecked)
        rows(screen).last().findViewById<View>(R.id.remove).performClick()
        screen.await("it is away") { rows(screen).size == BUNDLED }
        assertTrue(use(rows(screen).first()).isChecked)
    }

    @Test
    fun aBadFileIsRefusedWithTheReason() {
        val screen = listing()

        open(screen, "no model".byteInputStream())
        screen.await("it is refused") { screen.view<View>(R.id.notice).isShown }

        assertTrue(screen.text(R.id.notice), screen.text(R.id.notice).contains(MINE))
        assertEquals(BUNDLED, rows(screen).size)
        assertFalse(screen.view<View>(R.id.busy).isShown)
    }

    @Test
    fun whatIsNoModelIsNotReadToItsEnd() {
        val screen = listing()
        val film = ByteArrayInputStream(ByteArray(1 shl 20))

        open(screen, film)
        screen.await("it is refused") { screen.view<View>(R.id.notice).isShown }

        assertTrue("${film.available()} bytes are left", film.available() > 0)
    }

    @Test
    fun aPhoneThatCannotPickFilesSaysSo() {
        val screen = listing()
        shadowOf(telephone.app).checkActivities(true)

        screen.press(R.id.open)

        assertEquals(word(R.string.no_app), screen.text(R.id.notice))
    }

    private fun listing(): Screen<ModelsActivity> = Screen.start<ModelsActivity>().also {
        it.await("the models are read") { rows(it).size == BUNDLED }
    }

    private fun open(screen: Screen<*>, content: InputStream) {
        val file = Uri.parse("content://files/$MINE")
        shadowOf(telephone.app.contentResolver)
            .registerInputStreamSupplier(file) { content }
        screen.press(R.id.open)
        val asked = shadowOf(screen.activity).nextStartedActivity
        assertEquals(Intent.ACTION_OPEN_DOCUMENT, asked.action)
        shadowOf(screen.activity).receiveResult(asked, Activity.RESULT_OK, Intent().setData(file))
        screen.settle()
    }

    private fun rows(screen: Screen<*>): List<View> {
        val list = screen.view<ViewGroup>(R.id.list)
        return (0 until list.childCount).map(list::getChildAt)
    }

    private fun use(row: View): RadioButton = row.findViewById(R.id.use)

    private companion object {
        const val BUNDLED = 3
        const val MINE = "packed_mixed.tflite"
    }
}
