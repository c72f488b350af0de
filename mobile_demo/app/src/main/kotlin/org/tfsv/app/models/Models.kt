package org.tfsv.app.models

import android.content.Context
import java.io.ByteArrayOutputStream
import java.io.File
import java.io.IOException
import java.io.InputStream
import org.tfsv.app.Seams
import org.tfsv.app.Settings
import org.tfsv.core.BadInput
import org.tfsv.core.model.ModelFile
import org.tfsv.core.people.RealFiles
import org.tfsv.core.voice.Embedder
import org.tfsv.core.voice.Scorer

/** The models that came with the app, those that were opened, and the one in use. */
class Models(context: Context, private val settings: Settings) {
    private val assets = context.assets
    private val directory = File(context.filesDir, "models")
    private var active: Active? = null

    /**
     * A model that can be used.
     *
     * @property id names it in the settings.
     * @property name of its file.
     * @property bundled whether it came with the app.
     */
    class Choice(val id: String, val name: String, val bundled: Boolean)

    /** The model in use. */
    class Active(val choice: Choice, val file: ModelFile, val embedder: Embedder) {
        /** Compares what [embedder] gives. */
        val scorer: Scorer = Scorer.of(file)
    }

    /** All, those with the most bits first, then those that were opened. */
    fun available(): List<Choice> {
        val bundled = assets.list(ASSETS).orEmpty().filter { it.endsWith(ENDING) }
            .map { Choice(BUNDLED + it, it, bundled = true) }
            .sortedByDescending { it.name }
        val opened = RealFiles.list(directory).filter { it.name.endsWith(ENDING) }
            .map { Choice(it.name, settings.name(it.name) ?: it.name, bundled = false) }
            .sortedBy { it.name }
        return bundled + opened
    }

    /**
     * Reads and checks a model.
     *
     * @throws BadInput it is damaged.
     * @throws IOException it is not there.
     */
    @Throws(BadInput::class, IOException::class)
    fun read(choice: Choice): ModelFile {
        val bytes = if (choice.bundled) {
            assets.open("$ASSETS/${choice.name}").use(InputStream::readBytes)
        } else {
            RealFiles.read(File(directory, choice.id))
        }
        return ModelFile.read(bytes, choice.name)
    }

    /** The model that the person chose; where that is gone, the first one. */
    fun chosen(): Choice {
        val all = available()
        return all.find { it.id == settings.model } ?: all.firstOrNull()
            ?: throw BadInput("The app was built without a model; open one.")
    }

    /**
     * The model that the person chose, expanded and ready.
     *
     * @throws BadInput it is damaged, or the runtime refuses it.
     * @throws IOException it is not there.
     */
    @Throws(BadInput::class, IOException::class)
    fun active(): Active {
        val choice = chosen()
        active?.let { if (it.choice.id == choice.id) return it }
        active?.embedder?.close()
        active = null
        val file = read(choice)
        val embedder = Seams.embedders.open(file.expanded(), THREADS)
        return Active(choice, file, embedder).also { active = it }
    }

    /**
     * Copies a model into the app, if it is a good one.
     *
     * @param name of its file.
     * @throws BadInput it is none, or nothing says from which score on it accepts.
     * @throws IOException it cannot be read or kept.
     */
    @Throws(BadInput::class, IOException::class)
    fun add(name: String, content: InputStream): Choice {
        val bytes = content.readModel(name)
        val file = ModelFile.read(bytes, name)
        file.card.threshold(settings.strictness)
        Seams.embedders.open(file.expanded(), THREADS).close()
        val choice = Choice(file.sha256 + ENDING, name, bundled = false)
        val part = File(directory, file.sha256 + PART)
        RealFiles.makeDirectory(directory)
        RealFiles.write(part, bytes)
        RealFiles.rename(part, File(directory, choice.id))
        settings.setName(choice.id, name)
        return choice
    }

    /**
     * Forgets a model that was opened.
     *
     * @throws IOException it cannot be deleted.
     */
    @Throws(IOException::class)
    fun remove(choice: Choice) {
        RealFiles.delete(File(directory, choice.id))
        settings.setName(choice.id, null)
    }

    companion object {
        /** Threads of one inference; phones have few fast cores. */
        const val THREADS: Int = 2

        private const val ASSETS = "models"
        private const val BUNDLED = "bundled/"
        private const val ENDING = ".tflite"
        private const val PART = ".part"
        private const val BLOCK = 1 shl 16

        /** Reads a file that may be anything, and large: on only where it begins like a model. */
        private fun InputStream.readModel(name: String): ByteArray = try {
            val bytes = ByteArrayOutputStream()
            readInto(bytes, ModelFile.HEAD_BYTES)
            ModelFile.checkHead(bytes.toByteArray(), name)
            readInto(bytes, ModelFile.LARGEST + 1)
            if (bytes.size() > ModelFile.LARGEST) throw BadInput("$name is too large for a model.")
            bytes.toByteArray()
        } catch (error: OutOfMemoryError) {
            throw BadInput("$name needs more memory than there is; use another.", error)
        }

        /** Reads until there are [enough] bytes or a few more, or no more come. */
        private fun InputStream.readInto(bytes: ByteArrayOutputStream, enough: Int) {
            val block = ByteArray(BLOCK)
            while (bytes.size() < enough) {
                val count = read(block)
                if (count < 0) return
                bytes.write(block, 0, count)
            }
        }
    }
}
