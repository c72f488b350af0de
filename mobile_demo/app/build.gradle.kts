import java.util.Properties

plugins {
    alias(libs.plugins.android.application)
    alias(libs.plugins.kotlin.android)
}

val versions: Properties = rootProject.extra["versions"] as Properties

fun version(name: String): String = versions.getProperty(name)

val stagedAssets = layout.buildDirectory.dir("staged-assets")

/** Models and golden files lie elsewhere in the repository; no copy of them is kept here. */
val stageAssets = tasks.register<Sync>("stageAssets") {
    into(stagedAssets)
    from(rootProject.file("../tfsv/demo")) {
        include(version("models").split(","))
        into(version("modelAssets"))
    }
    from(rootProject.file("golden")) {
        exclude(version("goldensLeftOut").split(","))
        into(version("goldenAssets"))
    }
}

android {
    namespace = version("namespace")
    compileSdk = version("compileSdk").toInt()

    defaultConfig {
        applicationId = version("applicationId")
        minSdk = version("minSdk").toInt()
        targetSdk = version("targetSdk").toInt()
        versionCode = version("versionCode").toInt()
        versionName = version("versionName")
        ndk {
            abiFilters += version("abis").split(",")
        }
    }

    buildTypes {
        release {
            isMinifyEnabled = true
            proguardFiles("shrink.pro")
        }
    }

    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_1_8
        targetCompatibility = JavaVersion.VERSION_1_8
    }

    kotlinOptions {
        jvmTarget = "1.8"
    }

    androidResources {
        noCompress += "tflite"
    }

    testOptions {
        unitTests {
            isIncludeAndroidResources = true
            all {
                it.systemProperty("tfsv.golden", rootProject.file("golden"))
                // The path of libLiteRt.so: gradle test -Dtfsv.litert=...
                System.getProperty("tfsv.litert")?.let { path ->
                    it.systemProperty("tfsv.litert", path)
                }
            }
        }
    }

    sourceSets["main"].assets.srcDir(stagedAssets)
}

tasks.named("preBuild") {
    dependsOn(stageAssets)
}

dependencies {
    implementation(project(":core"))
    implementation(libs.tflite)
    testImplementation(project(":desktop"))
    testImplementation(libs.junit)
    testImplementation(libs.robolectric)
}
