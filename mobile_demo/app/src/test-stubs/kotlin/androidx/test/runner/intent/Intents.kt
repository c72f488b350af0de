@file:Suppress("UNUSED_PARAMETER")

package androidx.test.runner.intent

import android.app.Instrumentation
import android.content.Intent

/** Nothing is asked of it: tests here read started intents from Robolectric's shadows. */
interface IntentMonitor

/** Robolectric registers a monitor here, and nothing reads it. */
object IntentMonitorRegistry {
    @JvmStatic
    fun registerInstance(monitor: IntentMonitor?) = Unit
}

/** Would answer an intent in the place of another app. */
interface IntentStubber {
    fun getActivityResultForIntent(intent: Intent): Instrumentation.ActivityResult?
}

/** Says that no test answers intents this way. */
object IntentStubberRegistry {
    @JvmStatic
    fun isLoaded(): Boolean = false

    @JvmStatic
    fun getInstance(): IntentStubber = error("No test answers intents this way.")
}
