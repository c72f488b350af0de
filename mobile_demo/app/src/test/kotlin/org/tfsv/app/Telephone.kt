package org.tfsv.app

import android.Manifest
import java.io.File
import java.util.concurrent.CountDownLatch
import java.util.concurrent.TimeUnit
import org.junit.Assume.assumeNotNull
import org.junit.rules.ExternalResource
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf
import org.tfsv.app.sound.Microphone
import org.tfsv.core.model.ModelFile
import org.tfsv.core.people.Voiceprint
import org.tfsv.core.voice.EmbedderFactory
import org.tfsv.core.voice.Voice
import org.tfsv.desktop.LiteRtFactory

/**
 * A new telephone for each test. Its key store and its microphone are made of software; the models
 * run in LiteRT's library for this machine, for that of TensorFlow Lite is for Android only.
 */
internal class Telephone : ExternalResource() {
    /** The app on it. */
    val app: App get() = RuntimeEnvironment.getApplication() as App

    override fun before() {
        assumeNotNull("needs the system property tfsv.litert", liteRt)
        Seams.embedders = checkNotNull(liteRt)
        Seams.sound = Microphone
        SoftwareKeyStore.install()
        FakeMicrophone.mute()
        shadowOf(app).grantPermissions(Manifest.permission.RECORD_AUDIO)
    }

    override fun after() {
        Screen.leaveAll()
        onWorker { }
    }

    /** Enrols somebody with the model in use. */
    fun enrol(name: String, voice: GoldenVoice): Voiceprint = onWorker {
        val model = app.models.active()
        val heard = Voice.heard(model.embedder, voice.sentence())
        val id = Voiceprint.newId()
        Voiceprint(id, name, model.file.sha256, heard.embedding, heard.sound, CREATED)
            .also { app.people.save(it) }
    }

    /** Changes the last byte of every voiceprint. */
    fun corruptVoiceprints() = onWorker {
        val files = app.noBackupFilesDir.walk().filter { it.extension == "voiceprint" }
        for (file in files) {
            val bytes = file.readBytes()
            bytes[bytes.lastIndex]++
            file.writeBytes(bytes)
        }
    }

    /** The second model is the one in use from now on. */
    fun useAnotherModel() = onWorker { app.settings.model = app.models.available()[1].id }

    /** A golden model is the one in use from now on. */
    fun useGolden(name: String): ModelFile = onWorker {
        val file = File(GoldenVoice.golden, name)
        app.settings.model = file.inputStream().use { app.models.add(name, it) }.id
        app.models.active().file
    }

    /** Does something while the worker comes to nothing. */
    fun whileTheWorkerIsBusy(action: () -> Unit) {
        val over = CountDownLatch(1)
        Seams.worker.execute { over.await() }
        try {
            action()
        } finally {
            over.countDown()
        }
    }

    /** Does something where the app does it. */
    fun <T> onWorker(work: () -> T): T {
        val done = CountDownLatch(1)
        var result: Result<T>? = null
        Seams.worker.execute {
            result = runCatching(work)
            done.countDown()
        }
        check(done.await(PATIENCE_SECONDS, TimeUnit.SECONDS)) { "the worker does not come to it" }
        return checkNotNull(result).getOrThrow()
    }

    private companion object {
        const val PATIENCE_SECONDS = 20L

        /** 21 June 2024, noon in Greenwich. */
        const val CREATED = 1_718_971_200_000L

        val liteRt: EmbedderFactory? =
            System.getProperty("tfsv.litert")?.let { LiteRtFactory(File(it)) }
    }
}
