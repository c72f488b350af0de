package androidx.test.runner.lifecycle

import android.app.Activity

/** The stages of an activity that Robolectric reports, under the names it uses. */
enum class Stage {
    PRE_ON_CREATE,
    CREATED,
    STARTED,
    RESUMED,
    PAUSED,
    STOPPED,
    RESTARTED,
    DESTROYED,
}

/** What may be asked of the recorder of stages. */
interface ActivityLifecycleMonitor {
    fun getLifecycleStageOf(activity: Activity): Stage

    fun getActivitiesInStage(stage: Stage): Collection<Activity>
}

/** Where Robolectric leaves its recorder of stages. */
object ActivityLifecycleMonitorRegistry {
    private var instance: ActivityLifecycleMonitor? = null

    @JvmStatic
    fun registerInstance(monitor: ActivityLifecycleMonitor?) {
        instance = monitor
    }

    @JvmStatic
    fun getInstance(): ActivityLifecycleMonitor =
        checkNotNull(instance) { "Robolectric has registered no monitor of activities yet." }
}
