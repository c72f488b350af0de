package org.tfsv.app

import android.graphics.Rect
import android.view.View
import android.widget.Spinner
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Test
import org.robolectric.Shadows.shadowOf
import org.robolectric.annotation.Config
import org.tfsv.app.enrol.EnrolActivity
import org.tfsv.app.verify.ScoreScale
import org.tfsv.app.verify.VerifyActivity
import org.tfsv.core.model.Operating

internal class VerifyScreenTest : OnTelephone() {
    @Test
    fun withNobodyEnrolledItOffersToEnrol() {
        val screen = Screen.start<VerifyActivity>()
        screen.await("the people are read") { screen.view<View>(R.id.nobody).isShown }
        assertFalse(screen.view<View>(R.id.listen).isEnabled)

        screen.press(R.id.enrol_first)

        val next = shadowOf(screen.activity).nextStartedActivity
        assertEquals(EnrolActivity::class.java.name, next.component?.className)
    }

    @Test
    fun theSameVoiceIsAccepted() {
        telephone.enrol("Ada", GoldenVoice.ADA)
        val screen = ready()

        screen.say(GoldenVoice.ADA.sentence(turn = 1))

        assertEquals(word(R.string.accepted), screen.text(R.id.decision))
        val scale = screen.view<ScoreScale>(R.id.scale).contentDescription
        assertTrue("$scale", percent(scale) >= 50)
    }

    @Test
    fun anotherVoiceIsRejected() {
        telephone.enrol("Ada", GoldenVoice.ADA)
        val screen = ready()

        screen.say(GoldenVoice.BEN.sentence(turn = 1))

        assertEquals(word(R.string.rejected), screen.text(R.id.decision))
        val scale = screen.view<ScoreScale>(R.id.scale).contentDescription
        assertTrue("$scale", percent(scale) < 50)
    }

    @Test
    @Config(qualifiers = "+w320dp-h480dp")
    fun onASmallScreenTheAnswerIsScrolledTo() {
        telephone.enrol("Ada", GoldenVoice.ADA)
        val screen = ready()

        screen.say(GoldenVoice.ADA.sentence(turn = 1))
        screen.rest()

        for (id in listOf(R.id.decision, R.id.scale, R.id.score)) {
            val view = screen.view<View>(id)
            val seen = Rect()
            assertTrue(screen.text(R.id.decision), view.getGlobalVisibleRect(seen))
            assertEquals(view.height, seen.height())
        }
    }

    @Test
    fun anAnswerOutlivesRotationAndNotTheScreen() {
        telephone.enrol("Ada", GoldenVoice.ADA)
        val screen = ready()
        screen.say(GoldenVoice.ADA.sentence(turn = 1))
        val score = screen.text(R.id.score)

        screen.rotate()
        assertEquals(score, screen.text(R.id.score))

        screen.comeBack()
        assertFalse(screen.view<View>(R.id.answer).isShown)
    }

    @Test
    fun aChosenPersonStaysChosenAfterRotation() {
        telephone.enrol("Ada", GoldenVoice.ADA)
        telephone.enrol("Ben", GoldenVoice.BEN)
        val screen = ready()
        screen.view<Spinner>(R.id.person).setSelection(1)
        screen.settle()

        screen.rotate()

        assertEquals("Ben", screen.view<Spinner>(R.id.person).selectedItem)
        screen.say(GoldenVoice.BEN.sentence(turn = 1))
        assertEquals(word(R.string.accepted), screen.text(R.id.decision))
    }

    @Test
    fun aVoiceprintOfAnotherModelIsNotScored() {
        telephone.enrol("Ada", GoldenVoice.ADA)
        telephone.useAnotherModel()
        val screen = Screen.start<VerifyActivity>()
        screen.await("the people are read") { screen.view<View>(R.id.other_model).isShown }

        assertEquals(word(R.string.other_model, "Ada"), screen.text(R.id.other_model))
        assertTrue(screen.view<View>(R.id.enrol_again).isShown)
        assertFalse(screen.view<View>(R.id.listen).isEnabled)
    }

    @Test
    fun anUtteranceOfAnotherModelIsNotScored() {
        telephone.enrol("Ada", GoldenVoice.ADA)
        val screen = ready()

        screen.sayToAnotherModel(GoldenVoice.ADA.sentence(turn = 1))

        assertEquals(word(R.string.other_model, "Ada"), screen.text(R.id.notice))
        assertFalse(screen.view<View>(R.id.answer).isShown)
    }

    @Test
    fun aCalibratedModelShowsLogLikelihoodRatios() {
        val file = telephone.useGolden("packed_4bit.tflite")
        telephone.enrol("Ada", GoldenVoice.ADA)
        val threshold = file.card.threshold(Operating.FAR_1_PERCENT)
        val screen = ready()

        for (voice in GoldenVoice.values()) {
            screen.say(voice.sentence(turn = 1))

            val shown = screen.text(R.id.score)
            val score = checkNotNull(Regex("-?\\d+\\.\\d+").find(shown)).value.toDouble()
            assertEquals(word(R.string.ratio, score, threshold), shown)
            val decision = if (score >= threshold) R.string.accepted else R.string.rejected
            assertEquals(word(decision), screen.text(R.id.decision))
        }
    }

    private fun ready(): Screen<VerifyActivity> = Screen.start<VerifyActivity>().also {
        it.await("the people are read") { it.view<View>(R.id.listen).isEnabled }
    }

    private fun percent(description: CharSequence): Int =
        checkNotNull(Regex("\\d+").find(description)).value.toInt()
}
