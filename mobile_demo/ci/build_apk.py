"""Builds the app without Android Studio and prints the path of the signed APK.

    python3 mobile_demo/ci/build_apk.py
    TFSV_KEYSTORE_PASSWORD=... python3 mobile_demo/ci/build_apk.py --keystore=mine.p12 --alias=me

Needs Python 3.10, JDK 17 and Maven; downloads pinned tools into a cache, once. Two builds of one
commit with one key give the same bytes. `check_apk.py` then looks at what came out.
"""

import argparse
import hashlib
import os
import pathlib
import shutil
import zipfile

import android_api
import artifacts
import check_apk
import compiling
import packing
import places
import resources
import signing
from failure import BuildError, exiting, run


def build(key: signing.Key) -> pathlib.Path:
    """Compiles, shrinks, packs and signs.

    Returns:
        An APK that nobody has checked yet.

    Raises:
        BuildError: A step did not work.
    """
    linked = resources.link()
    classes = compiling.compile_main(linked)
    dex = _shrink(classes, linked.rules)
    entries = [
        *packing.of_archive(linked.apk),
        *((file.name, file.read_bytes()) for file in sorted(dex.glob("*.dex"))),
        *packing.of_folder(resources.stage_assets(), "assets"),
        *packing.native_libraries(artifacts.fetch("tflite")),
    ]
    unsigned = places.BUILD / "unsigned.apk"
    packing.write(entries, unsigned)
    signed = places.BUILD / "unchecked.apk"
    signing.sign(unsigned, signed, key)
    unsigned.unlink()
    return signed


def _shrink(classes: pathlib.Path, rules: pathlib.Path) -> pathlib.Path:
    target = places.BUILD / "dex"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    jar = places.BUILD / "classes.jar"
    with zipfile.ZipFile(jar, "w") as archive:
        for file in sorted(classes.rglob("*.class")):
            archive.write(file, str(file.relative_to(classes)))
    run(
        [
            *(*compiling.JVM, "-cp", artifacts.fetch_one("packaging", "bundletool")),
            *("com.android.tools.r8.R8", "--release"),
            *("--min-api", places.properties()["minSdk"], "--output", target),
            *("--lib", _interface()),
            *("--pg-conf", places.SHRINKING_RULES, "--pg-conf", rules),
            *("--pg-conf", pathlib.Path(__file__).with_name("partial_framework.pro")),
            *(jar, *compiling.runtime_jars()),
        ],
        "R8",
    )
    return target


def _interface() -> pathlib.Path:
    """A jar of the public classes of the oldest Android: java.* from the JDK, else Android's own.

    Both hold much more, among it classes of a form that this R8 does not read. The jar's name tells
    what it was made of.
    """
    jdk = _jdk()
    digest = hashlib.sha256((jdk / "release").read_bytes())
    for artifact in artifacts.locked("framework", "checks"):
        digest.update(artifact.sha256.encode())
    jar = places.BUILD / "tools" / f"interface-{digest.hexdigest()[:16]}.jar"
    if not jar.exists():
        wanted = {f"{name}.class" for name in android_api.public_classes()}
        unfinished = jar.with_suffix(".part")
        with zipfile.ZipFile(unfinished, "w") as target:
            for archive, prefix in (
                (jdk / "jmods" / "java.base.jmod", "classes/"),
                (jdk / "jmods" / "java.logging.jmod", "classes/"),
                (artifacts.fetch_one("framework", "android-all"), ""),
            ):
                with zipfile.ZipFile(archive) as source:
                    for name in sorted(wanted):
                        if prefix + name in source.NameToInfo:
                            target.writestr(name, source.read(prefix + name))
                            wanted.remove(name)
        unfinished.replace(jar)
    return jar


def _jdk() -> pathlib.Path:
    program = shutil.which("javac")
    home = os.environ.get("JAVA_HOME") or (program and pathlib.Path(program).resolve().parents[1])
    if not home or not (pathlib.Path(home) / "jmods").exists():
        raise BuildError("no JDK with its jmods was found; install JDK 17 or set JAVA_HOME")
    return pathlib.Path(home)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keystore", help="PKCS #12 file; without it, a debug key is used")
    parser.add_argument("--alias", default="tfsv", help="name of the key in --keystore")
    options = parser.parse_args()
    if options.keystore:
        key = signing.own_key(options.keystore, options.alias)
    else:
        key = signing.debug_key()
    with places.alone():
        built = build(key)
        check_apk.check(built)
        apk = built.replace(places.BUILD / f"tfsv-{places.properties()['versionName']}.apk")
    print(apk)


if __name__ == "__main__":
    exiting(main)
