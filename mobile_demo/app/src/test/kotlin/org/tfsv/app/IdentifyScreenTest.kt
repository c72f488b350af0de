package org.tfsv.app

import android.view.View
import android.view.ViewGroup
import android.widget.TextView
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Test
import org.tfsv.app.identify.IdentifyActivity
import org.tfsv.core.model.Operating

internal class IdentifyScreenTest : OnTelephone() {
    @Test
    fun withNobodyEnrolledItSaysSo() {
        val screen = Screen.start<IdentifyActivity>()

        screen.await("the people are read") { screen.view<View>(R.id.notice).isShown }

        assertEquals(word(R.string.nobody_for_model), screen.text(R.id.notice))
        assertFalse(screen.view<View>(R.id.listen).isEnabled)
    }

    @Test
    fun theRightPersonIsFirst() {
        telephone.enrol("Ada", GoldenVoice.ADA)
        telephone.enrol("Ben", GoldenVoice.BEN)
        val screen = Screen.start<IdentifyActivity>()
        screen.await("the people are read") { screen.view<View>(R.id.listen).isEnabled }

        screen.say(GoldenVoice.ADA.sentence(turn = 1))
        assertEquals(word(R.string.probably, "Ada"), screen.text(R.id.best))
        assertEquals(listOf("1. Ada", "2. Ben"), names(screen))

        screen.say(GoldenVoice.BEN.sentence(turn = 1))
        assertEquals(word(R.string.probably, "Ben"), screen.text(R.id.best))
        assertEquals(listOf("1. Ben", "2. Ada"), names(screen))
    }

    @Test
    fun aStrangerIsNobody() {
        telephone.enrol("Ben", GoldenVoice.BEN)
        val screen = Screen.start<IdentifyActivity>()
        screen.await("the people are read") { screen.view<View>(R.id.listen).isEnabled }

        screen.say(GoldenVoice.ADA.sentence(turn = 1))

        assertEquals(word(R.string.nobody_known), screen.text(R.id.best))
        assertEquals(listOf("1. Ben"), names(screen))
    }

    @Test
    fun peopleOfAnotherModelAreNotRanked() {
        telephone.enrol("Ada", GoldenVoice.ADA)
        val screen = Screen.start<IdentifyActivity>()
        screen.await("the people are read") { screen.view<View>(R.id.listen).isEnabled }

        screen.sayToAnotherModel(GoldenVoice.ADA.sentence(turn = 1))

        assertEquals(word(R.string.nobody_for_model), screen.text(R.id.notice))
        assertFalse(screen.view<View>(R.id.answer).isShown)
    }

    @Test
    fun aCalibratedModelRanksByLogLikelihoodRatios() {
        val file = telephone.useGolden("packed_4bit.tflite")
        telephone.enrol("Ada", GoldenVoice.ADA)
        val screen = Screen.start<IdentifyActivity>()
        screen.await("the people are read") { screen.view<View>(R.id.listen).isEnabled }

        screen.say(GoldenVoice.ADA.sentence(turn = 1))

        val threshold = file.card.threshold(Operating.FAR_1_PERCENT)
        val row = screen.view<ViewGroup>(R.id.candidates).getChildAt(0)
        val shown = row.findViewById<TextView>(R.id.score).text
        val score = checkNotNull(Regex("-?\\d+\\.\\d+").find(shown)).value.toDouble()
        assertEquals(word(R.string.ratio, score, threshold), shown)
    }

    private fun names(screen: Screen<*>): List<String> {
        val list = screen.view<ViewGroup>(R.id.candidates)
        return (0 until list.childCount).map {
            list.getChildAt(it).findViewById<TextView>(R.id.name).text.toString()
        }
    }
}
