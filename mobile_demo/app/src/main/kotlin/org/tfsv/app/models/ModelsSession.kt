package org.tfsv.app.models

import android.net.Uri
import android.provider.OpenableColumns
import java.io.FileNotFoundException
import java.io.IOException
import org.tfsv.app.App
import org.tfsv.app.R
import org.tfsv.app.screen.Notice
import org.tfsv.app.screen.Session
import org.tfsv.core.BadInput
import org.tfsv.core.model.ModelCard
import org.tfsv.core.model.Operating

/**
 * A model in the list.
 *
 * @property speed null: not measured.
 */
data class Entry(
    val choice: Models.Choice,
    val card: ModelCard,
    val size: Int,
    val expandedSize: Int,
    val speed: Speed? = null,
)

/**
 * What the screen "Models" shows.
 *
 * @property active id of the model in use.
 * @property busy whether something is opened or measured.
 */
data class ModelsState(
    val entries: List<Entry> = emptyList(),
    val active: String = "",
    val strictness: Operating = Operating.FAR_1_PERCENT,
    val busy: Boolean = false,
    val notice: Notice? = null,
)

/** Shows, chooses, opens, removes and measures models. */
class ModelsSession(private val app: App) : Session<ModelsState>(ModelsState()) {
    override fun start() = reload(null)

    override fun stop() {
        super.stop()
        show(state.copy(busy = false, notice = null))
    }

    /** Another model is to be used. */
    fun use(choice: Models.Choice) {
        if (choice.id == state.active) return
        app.settings.model = choice.id
        reload(null)
    }

    /** Another share of strangers may pass. */
    fun choose(strictness: Operating) {
        app.settings.strictness = strictness
        show(state.copy(strictness = strictness))
    }

    /** Opens a file, and uses it if it is a good one. */
    fun open(file: Uri) {
        show(state.copy(busy = true, notice = null))
        inBackground({ opened(file) }) { choice ->
            app.settings.model = choice.id
            reload(Notice(R.string.opened, choice.name))
        }
    }

    /** Forgets a model that was opened. */
    fun remove(choice: Models.Choice) = write({ app.models.remove(choice) }) { reload(null) }

    /** Measures all models, one after the other. */
    fun measure() {
        show(state.copy(busy = true, notice = null))
        inBackground({ ticket ->
            for (entry in state.entries) {
                if (!ticket.valid) break
                val speed = Speed.measure(app.models.read(entry.choice))
                ticket.post { show(state.copy(entries = measured(entry, speed))) }
            }
        }) { show(state.copy(busy = false)) }
    }

    override fun failed(notice: Notice) = show(state.copy(busy = false, notice = notice))

    private fun measured(entry: Entry, speed: Speed) = state.entries.map {
        if (it.choice.id == entry.choice.id) it.copy(speed = speed) else it
    }

    private fun reload(notice: Notice?) = inBackground({
        ModelsState(
            entries = app.models.available().mapNotNull(::entry),
            active = app.models.chosen().id,
            strictness = app.settings.strictness,
        )
    }) { read ->
        val speeds = state.entries.associate { it.choice.id to it.speed }
        show(
            read.copy(
                entries = read.entries.map { it.copy(speed = speeds[it.choice.id]) },
                notice = notice ?: state.notice,
            ),
        )
    }

    /** Null where a file was damaged since it was opened. */
    private fun entry(choice: Models.Choice): Entry? = try {
        val file = app.models.read(choice)
        Entry(choice, file.card, file.size, file.expandedSize)
    } catch (_: BadInput) {
        null
    }

    private fun opened(file: Uri): Models.Choice {
        val resolver = app.contentResolver
        val columns = arrayOf(OpenableColumns.DISPLAY_NAME)
        val (name, stream) = try {
            val name = resolver.query(file, columns, null, null, null)?.use {
                if (it.moveToFirst()) it.getString(0) else null
            }
            name to (resolver.openInputStream(file) ?: throw FileNotFoundException())
        } catch (error: RuntimeException) { // what fails in the app that provides the file
            throw IOException(error)
        }
        return stream.use { app.models.add(name ?: file.lastPathSegment.orEmpty(), it) }
    }
}
