package org.tfsv.core.people

import java.io.File
import java.io.IOException
import javax.crypto.SecretKey
import javax.crypto.spec.SecretKeySpec
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Rule
import org.junit.Test
import org.junit.rules.TemporaryFolder
import org.tfsv.core.BadInput

class PeopleTest {
    @get:Rule
    val folder = TemporaryFolder()

    private val key: SecretKey = SecretKeySpec(ByteArray(32) { 7 }, "AES")
    private val model = "0f".repeat(32)
    private val directory: File by lazy { File(folder.root, "people") }
    private val people: People by lazy { People(directory, { key }) }
    private val ann = person("Ann", 1f)
    private val bob = person("Bob", 2f)

    @Test
    fun `people are saved, renamed and deleted`() {
        assertEquals(0, people.list().voiceprints.size)
        people.save(bob)
        people.save(ann)
        assertEquals(listOf("Ann", "Bob"), names())
        people.rename(ann.id, "Zoe")
        assertEquals(listOf("Bob", "Zoe"), names())
        assertEquals(1f, people.list().voiceprints[1].vector[0], 0f)
        people.delete(bob.id)
        assertEquals(listOf("Zoe"), names())
        people.save(bob)
        people.deleteAll()
        assertEquals(listOf<String>(), names())
        assertEquals(0, folder.root.listFiles()?.count { it.name.endsWith(".deleted") })
        people.save(ann)
        assertEquals(listOf("Ann"), names())
    }

    @Test
    fun `a listing knows whose model is another one`() {
        people.save(ann)
        val other = "f0".repeat(32)
        people.save(Voiceprint(Voiceprint.newId(), "Cy", other, floatArrayOf(1f), null, 0))
        val listing = people.list()
        assertEquals(2, listing.voiceprints.size)
        assertEquals(listOf("Ann"), listing.of(model).map { it.name })
        assertEquals(listOf("Cy"), listing.of(other).map { it.name })
    }

    @Test
    fun `a damaged file hides nobody else and can be deleted`() {
        people.save(ann)
        people.save(bob)
        fileOf(ann).writeBytes(ByteArray(10))
        assertEquals(listOf("Bob"), names())
        assertEquals(listOf(ann.id), people.list().damaged)
        assertThrows(BadInput::class.java) { people.rename(ann.id, "Zoe") }
        people.delete(ann.id)
        assertEquals(listOf<String>(), people.list().damaged)
    }

    @Test
    fun `without the key everyone is damaged and can be deleted`() {
        people.save(ann)
        people.save(bob)
        var lost = true
        val keyless = People(directory, { if (lost) throw BadInput("no key") else key })
        assertEquals(setOf(ann.id, bob.id), keyless.list().damaged.toSet())
        assertThrows(BadInput::class.java) { keyless.save(person("Cy", 3f)) }
        assertThrows(BadInput::class.java) { keyless.rename(bob.id, "Zoe") }
        keyless.delete(ann.id)
        lost = false
        assertEquals(listOf("Bob"), keyless.list().voiceprints.map { it.name })
    }

    @Test
    fun `a file under another one's name is not taken for it`() {
        people.save(ann)
        people.save(bob)
        fileOf(ann).copyTo(fileOf(bob), overwrite = true)
        assertEquals(listOf("Ann"), names())
        assertEquals(listOf(bob.id), people.list().damaged)
    }

    @Test
    fun `file names say nothing of a person`() {
        people.save(ann)
        val names = directory.list().orEmpty().toList()
        assertEquals(listOf("${ann.id}.voiceprint"), names)
        assertFalse(ann.id.contains("Ann"))
        assertEquals(32, ann.id.length)
    }

    @Test
    fun `who is not there cannot be renamed`() {
        assertThrows(IOException::class.java) { people.rename(ann.id, "Zoe") }
    }

    @Test
    fun `a kill while saving leaves the old or the new state`() {
        survivesKills(setUp = { save(ann) }, before = listOf("Ann"), after = listOf("Ann", "Bob")) {
            save(bob)
        }
    }

    @Test
    fun `a kill while saving the first one leaves nobody or one`() {
        survivesKills(setUp = {}, before = listOf(), after = listOf("Bob")) { save(bob) }
    }

    @Test
    fun `a kill while renaming leaves the old or the new name`() {
        survivesKills(
            setUp = { listOf(ann, bob).forEach(::save) },
            before = listOf("Ann", "Bob"),
            after = listOf("Bob", "Zoe"),
        ) { rename(ann.id, "Zoe") }
    }

    @Test
    fun `a kill while deleting leaves the person or not`() {
        survivesKills(
            setUp = { listOf(ann, bob).forEach(::save) },
            before = listOf("Ann", "Bob"),
            after = listOf("Bob"),
        ) { delete(ann.id) }
    }

    @Test
    fun `a kill while deleting all leaves everyone or nobody`() {
        survivesKills(
            setUp = { listOf(ann, bob, person("Cy", 3f)).forEach(::save) },
            before = listOf("Ann", "Bob", "Cy"),
            after = listOf(),
        ) { deleteAll() }
    }

    /** Kills [change] before each of its steps, and once more whoever clears away after it. */
    private fun survivesKills(
        setUp: People.() -> Unit,
        before: List<String>,
        after: List<String>,
        change: People.() -> Unit,
    ) {
        val seen = HashSet<List<String>>()
        for (written in listOf(0.0, 0.5, 1.0)) {
            var steps = 0
            do {
                folder.root.listFiles()?.forEach { it.deleteRecursively() }
                people.setUp()
                val finished = attempt(steps, written, change)
                attempt(steps % 3, written) { list() }
                val left = names()
                assertTrue("$steps steps: $left", left == before || left == after)
                if (finished) assertEquals(after, left)
                assertEquals(listOf<String>(), people.list().damaged)
                assertEquals(left.size, directory.list().orEmpty().size)
                seen.add(left)
                steps++
            } while (!finished)
            assertTrue("it has several steps", steps > 1)
        }
        assertEquals(setOf(before, after), seen)
    }

    private fun attempt(steps: Int, written: Double, action: People.() -> Unit): Boolean = try {
        People(directory, { key }, Killed(steps, written)).action()
        true
    } catch (_: Killed.Kill) {
        false
    }

    private fun names() = people.list().voiceprints.map { it.name }

    private fun fileOf(person: Voiceprint) = File(directory, "${person.id}.voiceprint")

    private fun person(name: String, value: Float) =
        Voiceprint(Voiceprint.newId(), name, model, floatArrayOf(value, 1f), null, 5)
}
