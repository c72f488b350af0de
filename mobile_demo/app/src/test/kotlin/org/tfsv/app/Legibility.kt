package org.tfsv.app

import android.graphics.Bitmap
import android.graphics.Color
import android.graphics.Rect
import android.text.TextUtils
import android.view.View
import android.view.ViewGroup
import android.widget.EditText
import android.widget.HorizontalScrollView
import android.widget.ProgressBar
import android.widget.TextView
import kotlin.math.ceil
import kotlin.math.max
import kotlin.math.min
import kotlin.math.pow

/**
 * What a person cannot read, press or hear of a window; the limits are those of Android's
 * accessibility guidelines and of WCAG 2.1, level AA.
 *
 * @param root decor view, laid out.
 * @param picture what [root] draws.
 * @param bars what the system draws above it: status bar and navigation bar.
 */
internal class Legibility(
    private val root: View,
    private val picture: Bitmap,
    private val bars: List<Rect>,
) {
    private val density = root.resources.displayMetrics.density

    /** One line for each fault. */
    fun faults(): List<String> {
        val views = shown(root)
        val texts = views.filterIsInstance<TextView>().filter { it.text.isNotEmpty() }
        return views.flatMap { outside(it) + unpressable(it) + unspoken(it) } +
            texts.flatMap { cutOff(it) + faint(it) } +
            overlapping(texts)
    }

    private fun shown(view: View): List<View> = when {
        view.visibility != View.VISIBLE -> emptyList()
        view is ViewGroup -> listOf(view) + children(view).flatMap(::shown)
        else -> listOf(view)
    }

    private fun children(group: ViewGroup): List<View> =
        (0 until group.childCount).map(group::getChildAt)

    private fun outside(view: View): List<String> {
        val parent = view.parent as? ViewGroup ?: return emptyList()
        val across = view.left < 0 || view.right > parent.width
        val along = view.top < 0 || view.bottom > parent.height
        val scrollsAcross = parent is HorizontalScrollView
        return listOfNotNull(
            "${name(view)} sticks out sideways".takeIf { across && !scrollsAcross },
            "${name(view)} sticks out below".takeIf { along && !parent.isScrollContainer },
        )
    }

    private fun unpressable(view: View): List<String> {
        if (!isButton(view) || !view.isEnabled) return emptyList()
        val width = view.width / density
        val height = view.height / density
        return listOfNotNull(
            "${name(view)} is $width x $height dp, too small to press"
                .takeIf { min(width, height) < TOUCH_DP },
            "${name(view)} is under a bar of the system".takeIf { beneathBar(view) },
        )
    }

    private fun unspoken(view: View): List<String> {
        val matters = isButton(view) || view is ProgressBar
        if (!matters || !view.isImportantForAccessibility) return emptyList()
        return if (spoken(view)) emptyList() else listOf("${name(view)} has no words for TalkBack")
    }

    private fun spoken(view: View): Boolean {
        val node = view.createAccessibilityNodeInfo()
        val words = listOf(node.text, node.contentDescription, node.hintText, view.tooltipText)
        return words.any { !it.isNullOrBlank() } ||
            shown(root).any { it.labelFor == view.id && view.id != View.NO_ID } ||
            view is ViewGroup && shown(view).drop(1).any(::spoken)
    }

    /** Text that can be selected takes clicks, too. */
    private fun isButton(view: View): Boolean =
        view.isClickable && (view as? TextView)?.isTextSelectable != true

    private fun cutOff(view: TextView): List<String> {
        val layout = view.layout ?: return listOf("${name(view)} was not laid out")
        if (view is EditText) return emptyList()
        val lines = 0 until layout.lineCount
        val height = view.height - view.extendedPaddingTop - view.extendedPaddingBottom
        val width = view.width - view.totalPaddingLeft - view.totalPaddingRight
        val cut = lines.any { layout.getEllipsisCount(it) > 0 } || layout.height > height ||
            lines.any { ceil(layout.getLineMax(it)) > width } ||
            layout.getLineEnd(layout.lineCount - 1) < TextUtils.getTrimmedLength(layout.text)
        val torn = lines.any { inWord(layout.text, layout.getLineEnd(it)) }
        return listOfNotNull(
            "${name(view)} is cut off".takeIf { cut },
            "${name(view)} breaks inside a word".takeIf { torn },
        )
    }

    private fun inWord(text: CharSequence, end: Int): Boolean =
        end in 1 until text.length && text[end - 1].isLetter() && text[end].isLetter()

    private fun faint(view: TextView): List<String> {
        val place = place(view)
        val whole = place.left >= 0 && place.top >= 0 &&
            place.right <= picture.width && place.bottom <= picture.height
        if (!view.isEnabled || !whole || clipped(view) || place.isEmpty) return emptyList()
        val behind = mostFrequent(place)
        val contrast = contrast(over(view.currentTextColor, behind), behind)
        val height = view.textSize / density
        val large = height >= LARGE_DP || height >= LARGE_BOLD_DP && view.typeface?.isBold == true
        return listOfNotNull(
            "${name(view)} has a contrast of ${(10 * contrast).toInt() / 10f}"
                .takeIf { contrast < if (large) LARGE_CONTRAST else CONTRAST },
            "${name(view)} is written too small".takeIf { height < SMALLEST_DP },
        )
    }

    private fun overlapping(texts: List<TextView>): List<String> = texts.indices.flatMap { first ->
        texts.drop(first + 1).filter { !clipped(it) && !clipped(texts[first]) }
            .filter { Rect.intersects(place(texts[first]), place(it)) }
            .map { "${name(texts[first])} and ${name(it)} overlap" }
    }

    /** Whether a part of it is scrolled away. */
    private fun clipped(view: View): Boolean {
        val part = Rect()
        return !view.getGlobalVisibleRect(part) ||
            part.width() < view.width || part.height() < view.height
    }

    private fun beneathBar(view: View): Boolean {
        val place = place(view)
        val centre = Rect(place).apply { inset(width() / 4, height() / 4) }
        return !clipped(view) && bars.any { Rect.intersects(it, centre) }
    }

    private fun place(view: View): Rect {
        val corner = IntArray(2).also(view::getLocationInWindow)
        return Rect(corner[0], corner[1], corner[0] + view.width, corner[1] + view.height)
    }

    private fun mostFrequent(place: Rect): Int {
        val pixels = IntArray(place.width() * place.height())
        val (width, height) = place.width() to place.height()
        picture.getPixels(pixels, 0, width, place.left, place.top, width, height)
        return pixels.groupBy { it }.maxByOrNull { it.value.size }?.key ?: Color.WHITE
    }

    private fun name(view: View): String {
        val id = if (view.id > LAST_NAMELESS_ID) {
            view.resources.getResourceEntryName(view.id)
        } else {
            view.javaClass.simpleName
        }
        val words = (view as? TextView)?.text?.take(WORDS) ?: return id
        return "$id “$words”"
    }

    private companion object {
        const val TOUCH_DP = 48f
        const val CONTRAST = 4.5
        const val LARGE_CONTRAST = 3.0
        const val LARGE_DP = 24f
        const val LARGE_BOLD_DP = 18.66f
        const val SMALLEST_DP = 12f
        const val WORDS = 40

        /** Of those that `View.generateViewId` makes. */
        const val LAST_NAMELESS_ID = 0x00FFFFFF

        fun over(colour: Int, behind: Int): Int {
            val part = Color.alpha(colour) / 255f
            fun mix(top: Int, bottom: Int) = (part * top + (1 - part) * bottom).toInt()
            return Color.rgb(
                mix(Color.red(colour), Color.red(behind)),
                mix(Color.green(colour), Color.green(behind)),
                mix(Color.blue(colour), Color.blue(behind)),
            )
        }

        fun contrast(one: Int, other: Int): Double {
            val (a, b) = luminance(one) to luminance(other)
            return (max(a, b) + 0.05) / (min(a, b) + 0.05)
        }

        fun luminance(colour: Int): Double {
            fun linear(value: Int): Double {
                val part = value / 255.0
                return if (part <= 0.03928) part / 12.92 else ((part + 0.055) / 1.055).pow(2.4)
            }
            return 0.2126 * linear(Color.red(colour)) + 0.7152 * linear(Color.green(colour)) +
                0.0722 * linear(Color.blue(colour))
        }
    }
}
