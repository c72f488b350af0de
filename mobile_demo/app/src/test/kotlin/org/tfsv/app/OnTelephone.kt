package org.tfsv.app

import org.junit.Rule
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import org.robolectric.annotation.Config
import org.robolectric.annotation.GraphicsMode

/** A test of screens: Android 15, in portrait, of usual size. */
@RunWith(RobolectricTestRunner::class)
@GraphicsMode(GraphicsMode.Mode.NATIVE)
@Config(sdk = [35], qualifiers = "w360dp-h740dp-xhdpi")
internal abstract class OnTelephone {
    @get:Rule
    val telephone = Telephone()

    /** Speaks into a screen that listens, and waits until it has made something of it. */
    protected fun Screen<*>.say(sound: FloatArray) {
        FakeMicrophone.speak(sound)
        press(R.id.listen)
        finish()
    }

    /** Speaks as [say] does, after the person went to choose another model and came back. */
    protected fun Screen<*>.sayToAnotherModel(sound: FloatArray) {
        telephone.useAnotherModel()
        FakeMicrophone.speak(sound)
        telephone.whileTheWorkerIsBusy {
            comeBack()
            press(R.id.listen)
        }
        finish()
    }

    /** Stops a screen that listens when all is heard, and waits as [say] does. */
    protected fun Screen<*>.finish() {
        await("all is heard") { FakeMicrophone.silent }
        press(R.id.listen)
        await("the utterance is compared") { text(R.id.listening) == word(R.string.listen_hint) }
    }

    /** A string in the language of the telephone. */
    protected fun word(id: Int, vararg arguments: Any): String =
        telephone.app.getString(id, *arguments)
}
