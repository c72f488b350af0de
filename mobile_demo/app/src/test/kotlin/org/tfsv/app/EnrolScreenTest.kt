package org.tfsv.app

import android.view.View
import android.widget.EditText
import java.io.IOException
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Test
import org.robolectric.shadows.ShadowLog
import org.tfsv.app.enrol.EnrolActivity
import org.tfsv.app.sound.SoundSource
import org.tfsv.core.audio.Quality
import org.tfsv.core.audio.Recording

internal class EnrolScreenTest : OnTelephone() {
    @Test
    fun threeUtterancesAndANameBecomeAPerson() {
        val screen = Screen.start<EnrolActivity>()
        screen.view<EditText>(R.id.name).setText("Ada")
        assertFalse(screen.view<View>(R.id.save).isEnabled)

        for (count in 1..3) {
            assertEquals(word(R.string.utterance, count, 3), screen.text(R.id.progress))
            screen.say(GoldenVoice.ADA.sentence(turn = count))
        }
        assertEquals(word(R.string.enough), screen.text(R.id.progress))
        screen.press(R.id.save)
        screen.await("the person is kept") { screen.activity.isFinishing }

        val everybody = telephone.onWorker { telephone.app.people.list() }
        val ada = everybody.voiceprints.single()
        assertEquals("Ada", ada.name)
        assertEquals(1.0, ada.vector.sumOf { it.toDouble() * it }, 1e-6)
    }

    @Test
    fun nothingTellsWhoWasEnrolled() {
        val screen = Screen.start<EnrolActivity>()
        screen.view<EditText>(R.id.name).setText(UNUSUAL)
        repeat(3) { screen.say(GoldenVoice.ADA.sentence()) }
        screen.press(R.id.save)
        screen.await("the person is kept") { screen.activity.isFinishing }

        val written = telephone.app.dataDir.walk().filter { it.isFile }.toList()
        assertEquals(1, written.count { it.extension == "voiceprint" })
        for (file in written) {
            assertTrue("$file is large enough for sound", file.length() < SECOND_OF_SOUND)
            assertFalse("$file", UNUSUAL in file.path + file.readText(Charsets.ISO_8859_1))
        }
        val log = ShadowLog.getLogs().mapNotNull { it.msg }
        assertFalse(log.any { UNUSUAL in it })
    }

    @Test
    fun whatIsTooShortIsRefused() {
        val screen = Screen.start<EnrolActivity>()

        screen.say(GoldenVoice.ADA.word())

        assertRefused(screen, word(R.string.too_short, Quality.MINIMUM_SPEECH_SECONDS), count = 0)
    }

    @Test
    fun whatIsTooQuietIsRefused() {
        val screen = Screen.start<EnrolActivity>()

        screen.say(GoldenVoice.ADA.sentence().louder(0.003f))

        assertRefused(screen, word(R.string.too_quiet), count = 0)
    }

    @Test
    fun whatIsClippedIsRefused() {
        val screen = Screen.start<EnrolActivity>()

        screen.say(GoldenVoice.ADA.sentence().louder(40f))

        assertRefused(screen, word(R.string.clipped), count = 0)
    }

    @Test
    fun anotherVoiceIsLeftOutAndTheOthersAreKept() {
        val screen = Screen.start<EnrolActivity>()
        screen.say(GoldenVoice.ADA.sentence())

        screen.say(GoldenVoice.BEN.sentence())

        assertRefused(screen, word(R.string.does_not_match), count = 1)
    }

    @Test
    fun aMicrophoneThatFailsIsSaid() {
        Seams.sound = SoundSource { throw IOException("another app has it") }
        val screen = Screen.start<EnrolActivity>()

        screen.press(R.id.listen)
        telephone.onWorker { }
        screen.settle()

        assertRefused(screen, word(R.string.no_microphone), count = 0)
        assertEquals(word(R.string.listen), screen.text(R.id.listen))
    }

    @Test
    fun savingTwiceEnrolsOnce() {
        val screen = Screen.start<EnrolActivity>()
        screen.view<EditText>(R.id.name).setText("Ada")
        repeat(3) { screen.say(GoldenVoice.ADA.sentence()) }

        telephone.whileTheWorkerIsBusy {
            screen.press(R.id.save)
            assertFalse(screen.view<View>(R.id.save).isEnabled)
            assertFalse(screen.view<View>(R.id.again).isShown)
            screen.comeBack()
            screen.press(R.id.save)
        }
        screen.await("the person is kept") { screen.activity.isFinishing }

        val everybody = telephone.onWorker { telephone.app.people.list() }
        assertEquals("Ada", everybody.voiceprints.single().name)
    }

    @Test
    fun rotationKeepsNameAndUtterances() {
        val screen = Screen.start<EnrolActivity>()
        screen.view<EditText>(R.id.name).setText("Ada")
        screen.say(GoldenVoice.ADA.sentence())

        screen.rotate()

        assertEquals("Ada", screen.text(R.id.name))
        assertEquals(word(R.string.utterance, 2, 3), screen.text(R.id.progress))
        screen.say(GoldenVoice.ADA.sentence())
        assertEquals(word(R.string.utterance, 3, 3), screen.text(R.id.progress))
    }

    @Test
    fun rotationGoesOnListening() {
        val screen = Screen.start<EnrolActivity>()
        screen.press(R.id.listen)
        screen.await("it listens") { FakeMicrophone.reads > 0 }

        screen.rotate()

        assertEquals(word(R.string.stop), screen.text(R.id.listen))
        val before = FakeMicrophone.reads
        screen.await("it goes on") { FakeMicrophone.reads > before }
    }

    @Test
    fun leavingStopsListening() {
        val screen = Screen.start<EnrolActivity>()
        screen.press(R.id.listen)
        screen.await("it listens") { FakeMicrophone.reads > 0 }

        screen.leave()

        telephone.onWorker { }
        val reads = FakeMicrophone.reads
        Thread.sleep(300)
        assertEquals(reads, FakeMicrophone.reads)
    }

    @Test
    fun beginningAgainForgetsTheUtterances() {
        val screen = Screen.start<EnrolActivity>()
        screen.say(GoldenVoice.ADA.sentence())

        screen.press(R.id.again)

        assertEquals(word(R.string.utterance, 1, 3), screen.text(R.id.progress))
        assertFalse(screen.view<View>(R.id.again).isShown)
    }

    private fun assertRefused(screen: Screen<*>, reason: String, count: Int) {
        assertTrue(screen.view<View>(R.id.notice).isShown)
        assertEquals(reason, screen.text(R.id.notice))
        assertEquals(word(R.string.utterance, count + 1, 3), screen.text(R.id.progress))
    }

    private fun FloatArray.louder(factor: Float) = FloatArray(size) { factor * this[it] }

    private companion object {
        const val UNUSUAL = "Xanthippe"
        const val SECOND_OF_SOUND = 2L * Recording.MODEL_RATE
    }
}
