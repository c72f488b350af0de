package org.tfsv.app

import android.os.Handler
import android.os.Looper
import java.util.concurrent.Executor
import java.util.concurrent.Executors
import javax.crypto.SecretKey
import org.tfsv.app.keys.KeystoreKey
import org.tfsv.app.models.TfliteFactory
import org.tfsv.app.sound.Microphone
import org.tfsv.app.sound.SoundSource
import org.tfsv.core.voice.EmbedderFactory

/**
 * Where the app touches the phone.
 *
 * A test puts something else here before it starts a screen: recorded sound for the microphone, a
 * network without native code, a key of its own, threads that it commands.
 */
object Seams {
    /** What is listened to. */
    @Volatile
    var sound: SoundSource = Microphone

    /** What runs models. */
    @Volatile
    var embedders: EmbedderFactory = TfliteFactory

    /** The key of the voiceprints; asked for on [worker], until it is there. */
    @Volatile
    var key: () -> SecretKey = KeystoreKey::get

    /** The one thread for microphone, models and files. */
    @Volatile
    var worker: Executor = Executors.newSingleThreadExecutor { Thread(it, "worker") }

    /** The thread of the screen. */
    @Volatile
    var main: Executor = Handler(Looper.getMainLooper()).let { handler ->
        Executor { handler.post(it) }
    }
}
