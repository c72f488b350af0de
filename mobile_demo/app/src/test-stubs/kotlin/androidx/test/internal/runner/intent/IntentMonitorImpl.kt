@file:Suppress("UNUSED_PARAMETER")

package androidx.test.internal.runner.intent

import android.content.Intent
import androidx.test.runner.intent.IntentMonitor

/** Takes Robolectric's reports of intents, which no test here needs. */
class IntentMonitorImpl : IntentMonitor {
    fun signalIntent(intent: Intent) = Unit
}
