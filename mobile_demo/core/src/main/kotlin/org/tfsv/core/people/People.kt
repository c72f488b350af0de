package org.tfsv.core.people

import java.io.File
import java.io.IOException
import javax.crypto.SecretKey
import org.tfsv.core.BadInput

/**
 * The people who were enrolled, each in an encrypted file that is named by a random id.
 *
 * Every change is one renaming or one deletion: whoever is stopped at any moment finds the state
 * before or after it. What was left half done is cleared away at the next call.
 *
 * @param directory for voiceprints and nothing else; a sibling with `.deleted` behind its name may
 *   exist for a moment.
 * @param key gives the key, AES of 256 bits, or throws [BadInput]; asked when something is to be
 *   sealed or opened, until it gave one. Without it everyone counts as damaged.
 */
class People(
    private val directory: File,
    key: () -> SecretKey,
    private val files: FileOperations = RealFiles,
) {
    private val key: SecretKey by lazy(key)
    private val deleted = File(directory.path + ".deleted")

    /**
     * Everyone.
     *
     * @property voiceprints of all models, by name.
     * @property damaged ids of voiceprints that cannot be opened; they can still be deleted.
     */
    class Listing(val voiceprints: List<Voiceprint>, val damaged: List<String>) {
        /** Those whom a model knows. */
        fun of(modelSha256: String): List<Voiceprint> =
            voiceprints.filter { it.modelSha256 == modelSha256 }
    }

    /**
     * Reads everyone.
     *
     * @throws IOException the directory cannot be read.
     */
    @Synchronized
    @Throws(IOException::class)
    fun list(): Listing {
        clearAway()
        val voiceprints = ArrayList<Voiceprint>()
        val damaged = ArrayList<String>()
        for (file in files.list(directory).filter { it.name.endsWith(ENDING) }) {
            val id = file.name.removeSuffix(ENDING)
            try {
                val voiceprint = VoiceprintFormat.open(files.read(file), key)
                if (voiceprint.id == id) voiceprints.add(voiceprint) else damaged.add(id)
            } catch (_: BadInput) {
                damaged.add(id)
            }
        }
        return Listing(voiceprints.sortedWith(compareBy(Voiceprint::name, Voiceprint::id)), damaged)
    }

    /**
     * Adds a person, or replaces the voiceprint of the same id.
     *
     * @throws BadInput the name is empty or too long, or the key cannot be used.
     * @throws IOException the directory cannot be written.
     */
    @Synchronized
    @Throws(BadInput::class, IOException::class)
    fun save(voiceprint: Voiceprint) {
        val sealed = VoiceprintFormat.seal(voiceprint, key)
        clearAway()
        files.makeDirectory(directory)
        val part = File(directory, voiceprint.id + PART)
        files.write(part, sealed)
        files.rename(part, file(voiceprint.id))
    }

    /**
     * Gives a person another name.
     *
     * @throws BadInput the voiceprint cannot be opened, or the name is empty or too long.
     * @throws IOException it is not there, or the directory cannot be written.
     */
    @Synchronized
    @Throws(BadInput::class, IOException::class)
    fun rename(id: String, name: String) {
        save(VoiceprintFormat.open(files.read(file(id)), key).renamed(name))
    }

    /**
     * Deletes a person.
     *
     * @throws IOException the directory cannot be written.
     */
    @Synchronized
    @Throws(IOException::class)
    fun delete(id: String) {
        clearAway()
        files.delete(file(id))
    }

    /**
     * Deletes everyone at once.
     *
     * @throws IOException the directory cannot be written.
     */
    @Synchronized
    @Throws(IOException::class)
    fun deleteAll() {
        clearAway()
        files.makeDirectory(directory)
        files.rename(directory, deleted)
        clearAway()
    }

    private fun clearAway() {
        for (file in files.list(directory).filter { it.name.endsWith(PART) }) files.delete(file)
        if (deleted !in files.list(directory.absoluteFile.parentFile ?: return)) return
        for (file in files.list(deleted)) files.delete(file)
        files.delete(deleted)
    }

    private fun file(id: String) = File(directory, id + ENDING)

    private companion object {
        const val ENDING = ".voiceprint"
        const val PART = ".part"
    }
}
