package org.tfsv.app

import android.app.Dialog
import android.view.View
import android.view.ViewGroup
import android.widget.EditText
import android.widget.TextView
import java.io.File
import java.security.UnrecoverableKeyException
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Test
import org.tfsv.app.keys.KeystoreKey
import org.tfsv.app.people.PeopleActivity
import org.tfsv.core.people.People
import org.tfsv.core.people.Voiceprint

internal class PeopleScreenTest : OnTelephone() {
    @Test
    fun aPersonIsRenamed() {
        val screen = listing("Ada", "Ben")

        press(screen, 0, R.id.rename)
        assertEquals("Ada", screen.text(R.id.new_name))
        screen.view<EditText>(R.id.new_name).setText(" Cleo ")
        screen.answer(Dialog.BUTTON_POSITIVE)

        screen.await("the name is another") { names(screen) == listOf("Ben", "Cleo") }
    }

    @Test
    fun aPersonCannotBeRenamedToNothing() {
        val screen = listing("Ada")

        press(screen, 0, R.id.rename)
        screen.view<EditText>(R.id.new_name).setText(" ")

        assertFalse(screen.view<View>(android.R.id.button1).isEnabled)
    }

    @Test
    fun whatIsWrittenOutlivesRotation() {
        val screen = listing("Ada")
        press(screen, 0, R.id.rename)
        screen.view<EditText>(R.id.new_name).setText("Cleo")

        screen.rotate()

        assertEquals("Cleo", screen.text(R.id.new_name))
        screen.answer(Dialog.BUTTON_POSITIVE)
        screen.await("the name is another") { names(screen) == listOf("Cleo") }
    }

    @Test
    fun onePersonIsDeletedAfterAQuestion() {
        val screen = listing("Ada", "Ben")

        press(screen, 1, R.id.delete)
        assertEquals(word(R.string.delete_question, "Ben"), screen.text(android.R.id.message))
        screen.answer(Dialog.BUTTON_NEGATIVE)
        assertEquals(listOf("Ada", "Ben"), names(screen))
        press(screen, 1, R.id.delete)
        screen.answer(Dialog.BUTTON_POSITIVE)

        screen.await("Ben is away") { names(screen) == listOf("Ada") }
    }

    @Test
    fun everybodyIsDeletedAfterAQuestion() {
        val screen = listing("Ada", "Ben")

        screen.press(R.id.delete_all)
        screen.answer(Dialog.BUTTON_POSITIVE)

        screen.await("nobody is left") { screen.view<View>(R.id.nobody).isShown }
        assertTrue(names(screen).isEmpty())
        assertFalse(screen.view<View>(R.id.delete_all).isShown)
    }

    @Test
    fun aVoiceprintThatCannotBeOpenedCanBeDeleted() {
        telephone.enrol("Ada", GoldenVoice.ADA)
        telephone.corruptVoiceprints()

        deleteTheDamaged()
    }

    @Test
    fun withoutTheKeyVoiceprintsCanStillBeDeleted() {
        val model = "0f".repeat(32)
        telephone.onWorker { // not as the app does it, which then has the key
            People(File(telephone.app.noBackupFilesDir, "voiceprints"), KeystoreKey::get)
                .save(Voiceprint(Voiceprint.newId(), "Ada", model, floatArrayOf(1f), null, 0))
        }
        SoftwareKeyStore.failure = UnrecoverableKeyException()

        deleteTheDamaged()
    }

    @Test
    fun whatWasConfirmedHappensEvenIfThePersonLeaves() {
        val screen = listing("Ada", "Ben")

        telephone.whileTheWorkerIsBusy {
            press(screen, 0, R.id.delete)
            screen.answer(Dialog.BUTTON_POSITIVE)
            screen.leave()
        }

        val left = telephone.onWorker { telephone.app.people.list().voiceprints }
        assertEquals(listOf("Ben"), left.map { it.name })
    }

    /** One voiceprint is listed, as damaged; it can be deleted. */
    private fun deleteTheDamaged() {
        val screen = Screen.start<PeopleActivity>()
        screen.await("the people are read") { names(screen) == listOf(word(R.string.damaged)) }

        press(screen, 0, R.id.delete)
        screen.answer(Dialog.BUTTON_POSITIVE)

        screen.await("nobody is left") { screen.view<View>(R.id.nobody).isShown }
    }

    private fun listing(vararg people: String): Screen<PeopleActivity> {
        people.forEach { telephone.enrol(it, GoldenVoice.ADA) }
        val screen = Screen.start<PeopleActivity>()
        screen.await("the people are read") { names(screen) == people.asList() }
        return screen
    }

    private fun press(screen: Screen<*>, row: Int, id: Int) {
        val list = screen.view<ViewGroup>(R.id.list)
        assertTrue(list.getChildAt(row).findViewById<View>(id).performClick())
        screen.settle()
    }

    private fun names(screen: Screen<*>): List<String> {
        val list = screen.view<ViewGroup>(R.id.list)
        return (0 until list.childCount).map {
            list.getChildAt(it).findViewById<TextView>(R.id.name).text.toString()
        }
    }
}
