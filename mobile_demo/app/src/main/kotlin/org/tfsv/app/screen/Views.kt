package org.tfsv.app.screen

import android.view.View
import android.widget.TextView

/** Visible, or gone without leaving a space. */
fun visible(shown: Boolean): Int = if (shown) View.VISIBLE else View.GONE

/** Shows a notice, or hides the view where there is none. */
fun TextView.show(notice: Notice?) {
    visibility = visible(notice != null)
    // A live region speaks whenever its text is set, even to what it was.
    val wanted = notice?.text(resources).orEmpty()
    if (text.toString() != wanted) text = wanted
}
