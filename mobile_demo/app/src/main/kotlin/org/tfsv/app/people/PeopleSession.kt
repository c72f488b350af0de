package org.tfsv.app.people

import org.tfsv.app.App
import org.tfsv.app.screen.Notice
import org.tfsv.app.screen.Session
import org.tfsv.core.BadInput
import org.tfsv.core.people.People

/** Something that the person is asked before it happens. */
sealed class Question {
    /** @property name what was written so far. */
    class Rename(val id: String, var name: String) : Question()

    /** @property name null where the voiceprint cannot be opened. */
    class Delete(val id: String, val name: String?) : Question()

    /** Whether to delete everyone. */
    object DeleteAll : Question()
}

/**
 * What the screen "People" shows.
 *
 * @property people null: not read yet.
 * @property modelSha256 of the model in use.
 */
data class PeopleState(
    val people: People.Listing? = null,
    val modelSha256: String = "",
    val question: Question? = null,
    val notice: Notice? = null,
)

/** Shows who is enrolled, and renames and deletes. */
class PeopleSession(private val app: App) : Session<PeopleState>(PeopleState()) {
    override fun start() = inBackground({ read() }, ::showRead)

    /** Asks something. */
    fun ask(question: Question) = show(state.copy(question = question, notice = null))

    /** The person does not want it. */
    fun dismiss() = show(state.copy(question = null))

    /** The person wants it. */
    fun confirm() {
        val question = state.question ?: return
        dismiss()
        write({
            when (question) {
                is Question.Rename -> app.people.rename(question.id, question.name.trim())
                is Question.Delete -> app.people.delete(question.id)
                Question.DeleteAll -> app.people.deleteAll()
            }
            read()
        }, ::showRead)
    }

    override fun failed(notice: Notice) = show(state.copy(notice = notice))

    private fun read(): Pair<People.Listing, String> = app.people.list() to identity()

    private fun showRead(read: Pair<People.Listing, String>) {
        show(state.copy(people = read.first, modelSha256 = read.second, notice = null))
    }

    /** Of the model in use; empty where that is damaged, for people can be deleted all the same. */
    private fun identity(): String = try {
        app.models.read(app.models.chosen()).sha256
    } catch (_: BadInput) {
        ""
    }
}
