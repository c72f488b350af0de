"""Has aapt2 make `resources.arsc`, binary XML and class R of layouts, strings and manifest."""

import dataclasses
import pathlib
import platform
import shutil
import xml.etree.ElementTree as ElementTree
import zipfile

import artifacts
import places
from failure import run

ANDROID = "http://schemas.android.com/apk/res/android"


@dataclasses.dataclass(frozen=True)
class Linked:
    """What aapt2 wrote.

    Attributes:
        apk: A zip archive of the binary manifest, `resources.arsc` and `res/`.
        manifest: The manifest as XML, with what Gradle would have merged into it.
        java: The folder of R.java.
        rules: What shrinking has to keep because XML names it.
    """

    apk: pathlib.Path
    manifest: pathlib.Path
    java: pathlib.Path
    rules: pathlib.Path


def link() -> Linked:
    """Compiles and links the resources of the app, into `build/resources`.

    Raises:
        BuildError: A resource or the manifest is wrong, in aapt2's words.
    """
    folder = places.BUILD / "resources"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    linked = Linked(
        folder / "linked.apk", folder / "AndroidManifest.xml", folder / "java", folder / "keep.pro"
    )
    main = places.APP / "main"
    what = places.properties()
    _write_manifest(main / "AndroidManifest.xml", linked.manifest, what["applicationId"])
    program = aapt2()
    run(
        [program, "compile", "--dir", main / "res", "-o", folder / "compiled.zip"],
        "aapt2 compile",
    )
    run(
        [
            *(program, "link", "-o", linked.apk, "--manifest", linked.manifest),
            *("--java", linked.java, "--proguard", linked.rules),
            *("-I", *artifacts.fetch("framework"), "--custom-package", what["namespace"]),
            *("--min-sdk-version", what["minSdk"], "--target-sdk-version", what["targetSdk"]),
            *("--version-code", what["versionCode"], "--version-name", what["versionName"]),
            folder / "compiled.zip",
        ],
        "aapt2 link",
    )
    return linked


def stage_assets() -> pathlib.Path:
    """Copies the demo models and the golden files to `build/assets`, and returns that folder.

    What is absent is left out; `check_apk.py` finds it.
    """
    what = places.properties()
    folder = places.BUILD / "assets"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / what["modelAssets"]).mkdir(parents=True)
    for name in what["models"].split(","):
        if (places.MODELS / name).exists():
            shutil.copyfile(places.MODELS / name, folder / what["modelAssets"] / name)
    if places.GOLDEN.exists():
        left_out = shutil.ignore_patterns(*what["goldensLeftOut"].split(","))
        shutil.copytree(places.GOLDEN, folder / what["goldenAssets"], ignore=left_out)
    return folder


def _write_manifest(source: pathlib.Path, target: pathlib.Path, package: str) -> None:
    ElementTree.register_namespace("android", ANDROID)
    manifest = ElementTree.parse(source)
    manifest.getroot().set("package", package)
    # Native libraries are mapped from the APK, where they stand uncompressed; Gradle's plugin says
    # the same for minSdk 23 and above.
    manifest.getroot().find("application").set(f"{{{ANDROID}}}extractNativeLibs", "false")
    manifest.write(target, encoding="utf-8", xml_declaration=True)


def aapt2() -> pathlib.Path:
    """The program, out of bundletool's jar."""
    system = {"Linux": "linux", "Darwin": "macos"}[platform.system()]
    jar = artifacts.fetch_one("packaging", "bundletool")
    program = places.BUILD / "tools" / "aapt2"
    program.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(jar) as archive:
        program.write_bytes(archive.read(f"{system}/aapt2"))
    program.chmod(0o755)
    return program
