package org.tfsv.app.people

import android.app.Activity
import android.app.AlertDialog
import android.app.Dialog
import android.text.Editable
import android.text.TextWatcher
import android.widget.EditText
import org.tfsv.app.R

/** Shows the question of a state; the state outlives a rotation, the dialog does not. */
internal class QuestionDialog(
    private val activity: Activity,
    private val confirm: () -> Unit,
    private val dismiss: () -> Unit,
) {
    private var asked: Question? = null
    private var dialog: Dialog? = null

    /** Shows a question that is not yet shown; null takes it away. */
    fun render(question: Question?) {
        if (question === asked) return
        close()
        asked = question
        dialog = question?.let(::opened)
    }

    /** Takes the dialog away; the question stays open. */
    fun close() {
        dialog?.dismiss()
        dialog = null
        asked = null
    }

    private fun opened(question: Question): Dialog {
        val builder = AlertDialog.Builder(activity)
            .setNegativeButton(R.string.cancel) { _, _ -> dismiss() }
            .setOnCancelListener { dismiss() }
        when (question) {
            is Question.Rename -> builder.setTitle(R.string.rename).setView(R.layout.rename)
                .setPositiveButton(R.string.rename) { _, _ -> confirm() }
            is Question.Delete -> {
                val name = question.name ?: activity.getString(R.string.damaged)
                builder.setMessage(activity.getString(R.string.delete_question, name))
                    .setPositiveButton(R.string.delete) { _, _ -> confirm() }
            }
            Question.DeleteAll -> builder.setMessage(R.string.delete_all_question)
                .setPositiveButton(R.string.delete_all) { _, _ -> confirm() }
        }
        val dialog = builder.show()
        if (question is Question.Rename) follow(dialog, question)
        return dialog
    }

    private fun follow(dialog: AlertDialog, question: Question.Rename) {
        val field = dialog.findViewById<EditText>(R.id.new_name)
        field.setText(question.name)
        field.setSelection(field.length())
        field.addTextChangedListener(object : TextWatcher {
            override fun afterTextChanged(text: Editable?) {
                question.name = text.toString()
                dialog.getButton(AlertDialog.BUTTON_POSITIVE).isEnabled = !text.isNullOrBlank()
            }

            override fun beforeTextChanged(text: CharSequence?, at: Int, old: Int, new: Int) = Unit

            override fun onTextChanged(text: CharSequence?, at: Int, old: Int, new: Int) = Unit
        })
    }
}
