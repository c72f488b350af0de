package org.tfsv.app

import android.app.Activity
import android.app.Dialog
import android.content.res.Configuration
import android.graphics.Bitmap
import android.graphics.Canvas
import android.graphics.Color
import android.graphics.Insets
import android.graphics.Rect
import android.os.Looper
import android.view.View
import android.view.WindowInsets
import android.widget.TextView
import java.io.File
import java.time.Duration
import org.junit.Assert.assertTrue
import org.junit.Assert.fail
import org.robolectric.Robolectric
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf
import org.robolectric.android.controller.ActivityController
import org.robolectric.shadows.ShadowDialog

/**
 * An activity on a telephone with a status bar and a navigation bar, which Android 15 lets an app
 * draw behind.
 */
internal class Screen<A : Activity>(private val controller: ActivityController<A>) {
    /** The activity; another one after [rotate]. */
    val activity: A get() = controller.get()

    private val density get() = activity.resources.displayMetrics.density

    private var left = false

    init {
        started.add(this)
        layOut()
    }

    /** A view of the activity, or of the dialog above it. */
    fun <V : View> view(id: Int): V {
        val found = dialog()?.findViewById<V>(id) ?: activity.findViewById<V>(id)
        return checkNotNull(found) { "no view ${activity.resources.getResourceEntryName(id)}" }
    }

    /** What a view says. */
    fun text(id: Int): String = view<TextView>(id).text.toString()

    /** Presses a view that can be pressed. */
    fun press(id: Int) {
        val view = view<View>(id)
        val name = activity.resources.getResourceEntryName(id)
        assertTrue("$name cannot be pressed", view.isShown && view.isEnabled)
        assertTrue("nobody listens to $name", view.performClick())
        settle()
    }

    /** Presses a button of the dialog, say `AlertDialog.BUTTON_POSITIVE`. */
    fun answer(button: Int) {
        press(
            when (button) {
                Dialog.BUTTON_POSITIVE -> android.R.id.button1
                Dialog.BUTTON_NEGATIVE -> android.R.id.button2
                else -> android.R.id.button3
            },
        )
    }

    /** Waits for work in the background. */
    fun await(what: String, condition: () -> Boolean) {
        val deadline = System.nanoTime() + PATIENCE_NANOSECONDS
        while (!condition()) {
            if (System.nanoTime() > deadline) fail("waited in vain until $what")
            Thread.sleep(POLL_MILLISECONDS)
            settle()
        }
    }

    /** Turns the telephone. */
    fun rotate() {
        val portrait = activity.resources.configuration.orientation ==
            Configuration.ORIENTATION_PORTRAIT
        RuntimeEnvironment.setQualifiers(if (portrait) "+land" else "+port")
        controller.configurationChange().visible()
        layOut()
    }

    /** The person goes elsewhere, and the activity stays. */
    fun leave() {
        left = true
        controller.pause().stop()
        settle()
    }

    /** The person goes elsewhere and comes back. */
    fun comeBack() {
        leave()
        left = false
        controller.restart().start().resume()
        settle()
    }

    /** What cannot be read, pressed or heard. */
    fun faults(): List<String> {
        rest()
        val window = dialog()?.window?.decorView ?: activity.window.decorView
        val bars = if (dialog() == null) bars() else emptyList()
        return Legibility(window, draw(window), bars).faults()
    }

    /** Draws it, for the documentation. */
    fun photograph(name: String) {
        rest()
        // On a telephone it fades after a moment.
        activity.findViewById<View>(R.id.content).isVerticalScrollBarEnabled = false
        val decor = activity.window.decorView
        val picture = draw(decor)
        dialog()?.let { paint(it, picture) }
        val folder = File(System.getProperty("tfsv.pictures") ?: return)
        folder.mkdirs()
        picture.setHasAlpha(false)
        File(folder, "app_$name.png").outputStream().use {
            picture.compress(Bitmap.CompressFormat.PNG, 100, it)
        }
    }

    /** Lets the main thread do what it was asked to. */
    fun settle() {
        shadowOf(Looper.getMainLooper()).idle()
    }

    /** Lets scrolling come to its end, too. */
    fun rest() {
        shadowOf(Looper.getMainLooper()).idleFor(ANIMATION)
    }

    private fun dialog(): Dialog? =
        ShadowDialog.getLatestDialog()?.takeIf { it.isShowing && it.context.isOf(activity) }

    private fun paint(dialog: Dialog, picture: Bitmap) {
        val canvas = Canvas(picture)
        canvas.drawColor(Color.argb(DIM, 0, 0, 0))
        val window = checkNotNull(dialog.window).decorView
        canvas.translate(
            (picture.width - window.width) / 2f,
            (picture.height - window.height) / 2f,
        )
        window.draw(canvas)
    }

    private fun layOut() {
        settle()
        val insets = WindowInsets.Builder()
            .setInsets(WindowInsets.Type.statusBars(), Insets.of(0, pixels(STATUS_DP), 0, 0))
            .setInsets(WindowInsets.Type.navigationBars(), Insets.of(0, 0, 0, pixels(GESTURES_DP)))
            .build()
        activity.window.decorView.dispatchApplyWindowInsets(insets)
        settle()
    }

    private fun bars(): List<Rect> {
        val decor = activity.window.decorView
        return listOf(
            Rect(0, 0, decor.width, pixels(STATUS_DP)),
            Rect(0, decor.height - pixels(GESTURES_DP), decor.width, decor.height),
        )
    }

    private fun pixels(dp: Int) = (dp * density).toInt()

    companion object {
        private const val STATUS_DP = 24
        private const val GESTURES_DP = 24
        private const val DIM = 150
        private val ANIMATION = Duration.ofSeconds(1)
        private const val POLL_MILLISECONDS = 5L
        private const val PATIENCE_NANOSECONDS = 20_000_000_000L
        private val started = ArrayList<Screen<*>>()

        /** Starts an activity. */
        inline fun <reified A : Activity> start(): Screen<A> =
            Screen(Robolectric.buildActivity(A::class.java).setup())

        /** The telephone is put away. */
        fun leaveAll() {
            started.filterNot { it.left }.forEach { it.leave() }
            started.clear()
        }

        private fun draw(view: View): Bitmap {
            val picture = Bitmap.createBitmap(view.width, view.height, Bitmap.Config.ARGB_8888)
            view.draw(Canvas(picture))
            return picture
        }

        private fun android.content.Context.isOf(activity: Activity): Boolean =
            generateSequence(this) { (it as? android.content.ContextWrapper)?.baseContext }
                .any { it === activity }
    }
}
