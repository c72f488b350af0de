package org.tfsv.app.screen

import java.io.IOException
import org.tfsv.app.R
import org.tfsv.app.Seams
import org.tfsv.core.BadInput

/**
 * What a screen knows and does, apart from its views: it outlives a rotation.
 *
 * For the main thread, but for the work that it gives to the worker.
 */
abstract class Session<S : Any>(initial: S) {
    @Volatile
    private var generation = 0
    private var observer: ((S) -> Unit)? = null

    /** What the screen shows. */
    var state: S = initial
        private set

    /** Shows the state now and whenever it changes. */
    fun observe(observer: (S) -> Unit) {
        this.observer = observer
        observer(state)
    }

    /** Shows nothing any more. */
    fun forget() {
        observer = null
    }

    /** The person comes to the screen, or back to it. */
    open fun start() = Unit

    /** The person leaves the screen: nothing goes on, and results that still come are dropped. */
    open fun stop() {
        generation++
    }

    /** No app of the phone can do what was asked for. */
    fun noApp() = failed(Notice(R.string.no_app))

    /** Shows another state. */
    protected fun show(next: S) {
        state = next
        observer?.invoke(next)
    }

    /** What failed, in a sentence. */
    protected abstract fun failed(notice: Notice)

    /**
     * Does something on the worker and takes the result, unless the screen was left meanwhile.
     *
     * What a person can cause comes to [failed].
     */
    protected fun <T> inBackground(work: (Ticket) -> T, done: (T) -> Unit) {
        val ticket = Ticket(generation)
        Seams.worker.execute { if (ticket.valid) attempt(ticket, { work(ticket) }, done) }
    }

    /**
     * Does on the worker what the person wants written, even if the screen was left meanwhile:
     * only the result is dropped then.
     */
    protected fun <T> write(work: () -> T, done: (T) -> Unit) {
        val ticket = Ticket(generation)
        Seams.worker.execute { attempt(ticket, work, done) }
    }

    private fun <T> attempt(ticket: Ticket, work: () -> T, done: (T) -> Unit) {
        try {
            val result = work()
            ticket.post { done(result) }
        } catch (error: BadInput) {
            ticket.post { failed(Notice.of(error)) }
        } catch (error: IOException) {
            ticket.post { failed(Notice.of(error)) }
        }
    }

    /** Of work that was begun in one visit to the screen. */
    inner class Ticket internal constructor(private val issued: Int) {
        /** Whether the person is still there; may be asked on any thread. */
        val valid: Boolean get() = issued == generation

        /** Does something on the main thread if the person is still there then. */
        fun post(action: () -> Unit) = Seams.main.execute { if (valid) action() }
    }
}
