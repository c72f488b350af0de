package org.tfsv.app

import android.view.View
import android.view.ViewGroup
import android.widget.EditText
import org.junit.Test
import org.robolectric.annotation.Config
import org.tfsv.app.enrol.EnrolActivity
import org.tfsv.app.identify.IdentifyActivity
import org.tfsv.app.models.ModelsActivity
import org.tfsv.app.people.PeopleActivity
import org.tfsv.app.verify.VerifyActivity

/** Draws the pictures of the README into the folder that `tfsv.pictures` names. */
@Config(qualifiers = "+w360dp-h700dp-hdpi")
internal class PicturesTest : OnTelephone() {
    @Test
    fun enrol() {
        val screen = Screen.start<EnrolActivity>()
        screen.view<EditText>(R.id.name).append("Ada")
        screen.say(GoldenVoice.ADA.sentence())
        screen.photograph("enrol")
    }

    @Test
    fun verify() {
        telephone.enrol("Ada", GoldenVoice.ADA)
        val screen = Screen.start<VerifyActivity>()
        screen.await("the people are read") { screen.view<View>(R.id.listen).isEnabled }
        screen.say(GoldenVoice.ADA.sentence(turn = 1))
        screen.photograph("verify")
    }

    @Test
    @Config(qualifiers = "+night")
    fun verifyAtNight() {
        telephone.enrol("Ada", GoldenVoice.ADA)
        val screen = Screen.start<VerifyActivity>()
        screen.await("the people are read") { screen.view<View>(R.id.listen).isEnabled }
        screen.say(GoldenVoice.BEN.sentence(turn = 1))
        screen.photograph("rejected")
    }

    @Test
    fun identify() {
        telephone.enrol("Ada", GoldenVoice.ADA)
        telephone.enrol("Ben", GoldenVoice.BEN)
        val screen = Screen.start<IdentifyActivity>()
        screen.await("the people are read") { screen.view<View>(R.id.listen).isEnabled }
        screen.say(GoldenVoice.ADA.sentence(turn = 1))
        screen.photograph("identify")
    }

    @Test
    fun people() {
        telephone.enrol("Ada", GoldenVoice.ADA)
        telephone.enrol("Ben", GoldenVoice.BEN)
        val screen = Screen.start<PeopleActivity>()
        screen.await("they are read") { screen.view<ViewGroup>(R.id.list).childCount == 2 }
        screen.photograph("people")
    }

    @Test
    fun models() {
        val screen = Screen.start<ModelsActivity>()
        screen.await("they are read") { screen.view<ViewGroup>(R.id.list).childCount == 3 }
        screen.press(R.id.measure)
        screen.await("all are measured") { !screen.view<View>(R.id.busy).isShown }
        screen.photograph("models")
    }
}
