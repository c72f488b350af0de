package org.tfsv.app

import android.app.Application
import java.io.File
import org.tfsv.app.models.Models
import org.tfsv.core.people.People

/** What all screens share. Everything here belongs to the worker, but [settings]. */
class App : Application() {
    /** What the person chose. */
    val settings: Settings by lazy { Settings(this) }

    /** The models that came with the app, and those that were opened. */
    val models: Models by lazy { Models(this, settings) }

    /** Who is enrolled. */
    val people: People by lazy { People(File(noBackupFilesDir, "voiceprints"), Seams.key) }
}
