package org.tfsv.app.screen

import android.app.Activity
import android.content.ActivityNotFoundException
import android.content.Intent
import android.os.Bundle
import android.view.View
import android.view.ViewGroup
import org.tfsv.app.App
import org.tfsv.app.R
import org.tfsv.app.identify.IdentifyActivity
import org.tfsv.app.models.ModelsActivity
import org.tfsv.app.people.PeopleActivity
import org.tfsv.app.verify.VerifyActivity

/** A screen: its views show the state of its session. */
abstract class ScreenActivity<S : Any, T : Session<S>> : Activity() {
    /** What the screen knows; kept over rotations. */
    protected lateinit var session: T
        private set

    /** What is above the bar. */
    protected abstract val layout: Int

    /** The button of the bar that leads here; null: the screen has no bar. */
    protected open val destination: Int? = null

    /** A session for a screen that is opened. */
    protected abstract fun newSession(app: App): T

    /** Finds views and listens to them. */
    protected abstract fun bind()

    /** Puts the state into the views. */
    protected abstract fun render(state: S)

    /** Starts a screen of another app, which some phones do not have. */
    protected fun startElsewhere(intent: Intent, requestCode: Int = NO_RESULT) {
        try {
            startActivityForResult(intent, requestCode)
        } catch (_: ActivityNotFoundException) {
            session.noApp()
        }
    }

    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        setContentView(R.layout.screen)
        layoutInflater.inflate(layout, findViewById<ViewGroup>(R.id.content))
        bindBar()
        @Suppress("UNCHECKED_CAST")
        session = lastNonConfigurationInstance as T? ?: newSession(application as App)
        bind()
    }

    override fun onStart() {
        super.onStart()
        session.observe(::render)
        session.start()
    }

    override fun onStop() {
        session.forget()
        if (!isChangingConfigurations) session.stop()
        super.onStop()
    }

    override fun onRetainNonConfigurationInstance(): Any = session

    private fun bindBar() {
        findViewById<View>(R.id.bar).visibility = visible(destination != null)
        if (destination != null) window.setBackgroundDrawableResource(R.drawable.screen_with_bar)
        for ((id, screen) in DESTINATIONS) {
            val button = findViewById<View>(id)
            button.isSelected = id == destination
            if (id != destination) {
                button.setOnClickListener {
                    val flags =
                        Intent.FLAG_ACTIVITY_REORDER_TO_FRONT or Intent.FLAG_ACTIVITY_NO_ANIMATION
                    startActivity(Intent(this, screen).addFlags(flags))
                }
            }
        }
    }

    private companion object {
        const val NO_RESULT = -1 // as Android defines it
        val DESTINATIONS = mapOf(
            R.id.to_verify to VerifyActivity::class.java,
            R.id.to_identify to IdentifyActivity::class.java,
            R.id.to_people to PeopleActivity::class.java,
            R.id.to_models to ModelsActivity::class.java,
        )
    }
}
