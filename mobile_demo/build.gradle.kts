import java.util.Properties

plugins {
    alias(libs.plugins.android.application) apply false
    alias(libs.plugins.kotlin.android) apply false
    alias(libs.plugins.kotlin.jvm) apply false
}

// What the app is: modules ask for `rootProject.extra["versions"]`.
extra["versions"] = Properties().apply {
    file("versions.properties").inputStream().use(::load)
}
