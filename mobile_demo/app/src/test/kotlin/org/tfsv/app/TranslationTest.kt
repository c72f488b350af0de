package org.tfsv.app

import android.content.Context
import android.content.res.Configuration
import java.util.Locale
import org.junit.Assert.assertEquals
import org.junit.Test

internal class TranslationTest : OnTelephone() {
    @Test
    fun germanSentencesHaveThePlaceholdersOfTheEnglishOnes() {
        val english = speaking(Locale.ENGLISH)
        val german = speaking(Locale.GERMAN)

        for (field in R.string::class.java.fields) {
            val id = field.getInt(null)
            val expected = placeholders(english.getString(id))
            assertEquals(field.name, expected, placeholders(german.getString(id)))
        }
    }

    private fun speaking(locale: Locale): Context {
        val configuration = Configuration(telephone.app.resources.configuration)
        configuration.setLocale(locale)
        return telephone.app.createConfigurationContext(configuration)
    }

    private fun placeholders(text: String): List<String> =
        PLACEHOLDER.findAll(text).map { it.value }.sorted().toList()

    private companion object {
        val PLACEHOLDER = Regex("%(%|\\d+\\$[a-z0-9.]+)")
    }
}
