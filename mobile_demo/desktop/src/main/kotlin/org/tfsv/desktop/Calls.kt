package org.tfsv.desktop

import com.sun.jna.Pointer
import com.sun.jna.ptr.PointerByReference
import org.tfsv.core.BadInput

/** Calls of [LiteRt], whose status becomes an exception. */
internal object Calls {
    /** Checks a status. */
    fun done(what: String, status: Int) {
        if (status != 0) throw BadInput("LiteRT refuses $what with status $status.")
    }

    /** What a function creates. */
    fun created(what: String, call: (PointerByReference) -> Int): Pointer {
        val out = PointerByReference()
        done(what, call(out))
        return out.value
    }

    /** An environment, which models are made in and which lives as long as the process. */
    fun environment(liteRt: LiteRt): Pointer =
        created("an environment") { liteRt.LiteRtCreateEnvironment(0, null, it) }
}
