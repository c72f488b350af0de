package org.tfsv.app.verify

import android.content.Context
import android.graphics.Canvas
import android.graphics.Paint
import android.util.AttributeSet
import android.view.View
import kotlin.math.roundToInt
import org.tfsv.app.R

/** A scale with the threshold in the middle and a mark where the score stands. */
class ScoreScale(context: Context, attributes: AttributeSet?) : View(context, attributes) {
    private val rejected = paint(R.color.scale_rejected)
    private val accepted = paint(R.color.scale_accepted)
    private val tick = paint(R.color.text_quiet)
    private val outline = paint(R.color.surface)
    private val mark = paint(R.color.text)
    private var percent = 0.0

    /** Puts the mark at [percent] of the scale. */
    fun show(percent: Double, accepted: Boolean) {
        this.percent = percent
        mark.color = context.getColor(if (accepted) R.color.accepted else R.color.rejected)
        contentDescription =
            resources.getString(R.string.scale_description, percent.roundToInt())
        invalidate()
    }

    override fun onDraw(canvas: Canvas) {
        if (layoutDirection == LAYOUT_DIRECTION_RTL) canvas.scale(-1f, 1f, width / 2f, 0f)
        val radius = height / 2f - EDGE
        val middle = width / 2f
        val top = height * TRACK_TOP
        val bottom = height - top
        val corner = (bottom - top) / 2
        canvas.save()
        canvas.clipRect(0f, 0f, middle, height.toFloat())
        canvas.drawRoundRect(0f, top, width.toFloat(), bottom, corner, corner, rejected)
        canvas.restore()
        canvas.save()
        canvas.clipRect(middle, 0f, width.toFloat(), height.toFloat())
        canvas.drawRoundRect(0f, top, width.toFloat(), bottom, corner, corner, accepted)
        canvas.restore()
        canvas.drawRect(middle - EDGE / 2, 0f, middle + EDGE / 2, height.toFloat(), tick)
        val x = radius + EDGE + (width - 2 * (radius + EDGE)) * (percent / FULL).toFloat()
        canvas.drawCircle(x, height / 2f, radius + EDGE, outline)
        canvas.drawCircle(x, height / 2f, radius, mark)
    }

    private fun paint(colour: Int) = Paint(Paint.ANTI_ALIAS_FLAG).apply {
        color = context.getColor(colour)
    }

    private companion object {
        const val FULL = 100.0
        const val TRACK_TOP = 0.3f
        const val EDGE = 4f
    }
}
