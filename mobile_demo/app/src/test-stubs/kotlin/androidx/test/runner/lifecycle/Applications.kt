@file:Suppress("UNUSED_PARAMETER")

package androidx.test.runner.lifecycle

/** The stages of an application that Robolectric reports. */
enum class ApplicationStage { PRE_ON_CREATE, CREATED }

/** Nothing is asked of it by tests that start their activities themselves. */
interface ApplicationLifecycleMonitor

/** Robolectric registers a monitor here, and nothing reads it. */
object ApplicationLifecycleMonitorRegistry {
    @JvmStatic
    fun registerInstance(monitor: ApplicationLifecycleMonitor?) = Unit
}
