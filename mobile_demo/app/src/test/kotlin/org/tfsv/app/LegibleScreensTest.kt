package org.tfsv.app

import android.app.Dialog
import android.view.View
import android.view.ViewGroup
import android.widget.EditText
import org.junit.Assert.assertEquals
import org.junit.Test
import org.robolectric.annotation.Config
import org.tfsv.app.enrol.EnrolActivity
import org.tfsv.app.identify.IdentifyActivity
import org.tfsv.app.models.ModelsActivity
import org.tfsv.app.people.PeopleActivity
import org.tfsv.app.selftest.SelfTestActivity
import org.tfsv.app.verify.VerifyActivity

/** Everything on every screen can be read, pressed and heard, in whatever way it is shown. */
internal class LegibleScreensTest : OnTelephone() {
    @Test
    fun inDaylight() = visitAll()

    @Test
    @Config(qualifiers = "+night")
    fun atNight() = visitAll()

    @Test
    @Config(qualifiers = "+land")
    fun onItsSide() = visitAll()

    @Test
    @Config(qualifiers = "+de-w320dp-h568dp")
    fun inGermanOnASmallScreen() = visitAll()

    @Test
    @Config(qualifiers = "+de", fontScale = 2f)
    fun inGermanWithTheLargestLetters() = visitAll()

    @Test
    @Config(qualifiers = "+w800dp-h1280dp-mdpi", fontScale = 1.3f)
    fun onATablet() = visitAll()

    private fun visitAll() {
        val faults = ArrayList<String>()
        fun Screen<*>.look(state: String) = faults().mapTo(faults) { "$state: $it" }

        Screen.start<VerifyActivity>().run {
            await("the people are read") { view<View>(R.id.nobody).isShown }
            look("Verify, nobody")
        }
        telephone.enrol("Ada", GoldenVoice.ADA)
        telephone.enrol("Benjamin Featherstonehaugh", GoldenVoice.BEN)
        Screen.start<VerifyActivity>().run {
            await("the people are read") { view<View>(R.id.listen).isEnabled }
            say(GoldenVoice.ADA.sentence(turn = 1))
            look("Verify, answered")
        }
        Screen.start<IdentifyActivity>().run {
            await("the people are read") { view<View>(R.id.listen).isEnabled }
            say(GoldenVoice.ADA.sentence(turn = 1))
            look("Identify, answered")
        }
        Screen.start<EnrolActivity>().run {
            look("Enrol")
            view<EditText>(R.id.name).setText("Ada")
            say(GoldenVoice.ADA.word())
            look("Enrol, too short")
        }
        Screen.start<PeopleActivity>().run {
            await("the people are read") { view<ViewGroup>(R.id.list).childCount == 2 }
            look("People")
            view<ViewGroup>(R.id.list).findViewById<View>(R.id.rename).performClick()
            look("People, renaming")
            answer(Dialog.BUTTON_NEGATIVE)
        }
        Screen.start<ModelsActivity>().run {
            await("the models are read") { view<ViewGroup>(R.id.list).childCount == 3 }
            look("Models")
        }
        Screen.start<SelfTestActivity>().look("Self-test")
        assertEquals("", faults.joinToString("\n"))
    }
}
