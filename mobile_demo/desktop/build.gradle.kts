// LiteRT of the Python package on this machine's JVM, for tests; never in the APK.

plugins {
    alias(libs.plugins.kotlin.jvm)
}

kotlin {
    compilerOptions {
        jvmTarget.set(org.jetbrains.kotlin.gradle.dsl.JvmTarget.JVM_1_8)
        allWarningsAsErrors.set(true)
    }
}

java {
    sourceCompatibility = JavaVersion.VERSION_1_8
    targetCompatibility = JavaVersion.VERSION_1_8
}

dependencies {
    implementation(project(":core"))
    implementation(libs.jna)
    testImplementation(libs.json)
    testImplementation(libs.junit)
}

tasks.test {
    systemProperty("tfsv.golden", rootProject.file("golden"))
    systemProperty("tfsv.models", rootProject.file("../tfsv/demo"))
    // The path of libLiteRt.so: gradle test -Dtfsv.litert=...
    System.getProperty("tfsv.litert")?.let { systemProperty("tfsv.litert", it) }
}
