"""Checks an APK, as it would be handed to somebody; each finding is a failure.

    python3 mobile_demo/ci/check_apk.py mobile_demo/build/tfsv-0.1.0.apk

The signature verifies under schemes 2 and 3. RECORD_AUDIO is the one permission. Nobody can debug
the app or take its data by a backup. SDK levels, version and id are those of `versions.properties`.
Models and native libraries stand uncompressed where Android can map them; models are those of
`tfsv/demo`, and libraries those of TensorFlow Lite. All that a cold start reads, which is all but
the native libraries and the self-test's files, is small. All classes and members that the code
names exist at API level 24.
"""

import pathlib
import re
import sys
import zipfile
from collections.abc import Iterator

import android_api
import artifacts
import dex
import packing
import places
import resources
import signing
from failure import BuildError, exiting, run

COLD_START_BYTES = 2_000_000


def check(apk: pathlib.Path) -> None:
    """Checks an APK.

    Raises:
        BuildError: Names all that is wrong.
    """
    with zipfile.ZipFile(apk) as archive:
        findings = [
            *_signature(apk),
            *_manifest(apk),
            *wrong_alignment(apk, archive),
            *_libraries(archive),
            *wrong_models(archive),
            *wrong_cold_start(archive),
            *_calls(archive),
        ]
    if findings:
        raise BuildError(f"{apk}:\n" + "\n".join(findings))


def _signature(apk: pathlib.Path) -> Iterator[str]:
    *schemes, _ = signing.schemes_and_certificate(apk)
    if schemes != ["v2", "v3"]:
        yield f"signed by {schemes}, not by v2 and v3"


def _manifest(apk: pathlib.Path) -> Iterator[str]:
    """Compares the manifest that is in the APK with what it has to say."""
    what = places.properties()
    badging = run([resources.aapt2(), "dump", "badging", apk], "aapt2 dump badging")
    expected = (
        f"package: name='{what['applicationId']}' versionCode='{what['versionCode']}' "
        f"versionName='{what['versionName']}'",
        f"sdkVersion:'{what['minSdk']}'",
        f"targetSdkVersion:'{what['targetSdk']}'",
        f"launchable-activity: name='{what['namespace']}.",
    )
    yield from (f"badging lacks {line}" for line in expected if line not in badging)
    permissions = re.findall(r"^uses-permission[\w-]*: name='([^']*)'", badging, re.MULTILINE)
    if permissions != ["android.permission.RECORD_AUDIO"]:
        yield f"asks for {permissions}, not for RECORD_AUDIO alone"
    if "application-debuggable" in badging:
        yield "can be debugged"
    tree = run(
        [resources.aapt2(), "dump", "xmltree", apk, "--file", "AndroidManifest.xml"],
        "aapt2 dump xmltree",
    )
    attributes = dict(re.findall(r":(\w+)\(0x[0-9a-f]+\)=(\S+)", tree))
    for name in ("allowBackup", "extractNativeLibs"):
        if attributes.get(name) != "false":
            yield f"android:{name} is {attributes.get(name)}, not false"
    if "dataExtractionRules" not in attributes:
        yield "android:dataExtractionRules is missing"


def wrong_alignment(apk: pathlib.Path, archive: zipfile.ZipFile) -> Iterator[str]:
    """What is wrong with how the package's entries lie in it, a line each."""
    for entry in archive.infolist():
        if entry.compress_type != zipfile.ZIP_STORED:
            yield f"{entry.filename} is compressed"
        if packing.data_offset(apk, entry) % packing.alignment(entry.filename):
            yield f"{entry.filename} is not aligned"


def _libraries(archive: zipfile.ZipFile) -> Iterator[str]:
    wanted = dict(packing.native_libraries(artifacts.fetch("tflite")))
    found = {name for name in archive.namelist() if name.startswith("lib/")}
    for name in sorted(found ^ set(wanted)):
        yield f"{name} is {'missing' if name in wanted else 'too many'}"
    for name in sorted(found & set(wanted)):
        if archive.read(name) != wanted[name]:
            yield f"{name} is not that of TensorFlow Lite"


def wrong_models(archive: zipfile.ZipFile) -> Iterator[str]:
    """What is wrong with the models in the package, a line each."""
    what = places.properties()
    prefix = f"assets/{what['modelAssets']}/"
    wanted = {prefix + name: places.MODELS / name for name in what["models"].split(",")}
    found = {name for name in archive.namelist() if name.startswith(prefix)}
    for name in sorted(found ^ set(wanted)):
        yield f"{name} is {'missing' if name in wanted else 'too many'}"
    for name in sorted(found & set(wanted)):
        if archive.read(name) != wanted[name].read_bytes():
            yield f"{name} is not {wanted[name]}"


def wrong_cold_start(archive: zipfile.ZipFile) -> Iterator[str]:
    """Whether a cold start reads too much of the package, a line if so."""
    later = ("lib/", f"assets/{places.properties()['goldenAssets']}/")
    total = sum(
        entry.file_size for entry in archive.infolist() if not entry.filename.startswith(later)
    )
    if total > COLD_START_BYTES:
        yield f"a cold start reads {total} bytes, more than {COLD_START_BYTES}"


def _calls(archive: zipfile.ZipFile) -> Iterator[str]:
    files = [dex.read(archive.read(name)) for name in archive.namelist() if name.endswith(".dex")]
    for name in android_api.missing(files, android_api.public_classes()):
        yield f"{name} is called, but API level {places.properties()['minSdk']} has it not"


if __name__ == "__main__":
    exiting(lambda: check(pathlib.Path(sys.argv[1])))
