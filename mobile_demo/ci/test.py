"""Compiles core, app, desktop and their tests, and runs the tests on this machine's JVM.

    python3 mobile_demo/ci/test.py
    python3 mobile_demo/ci/test.py Wav Expansion
    python3 mobile_demo/ci/test.py --pictures=docs/pictures Pictures

runs all, or those whose class has one of the words in its name. Needs Python 3.10, JDK 17 and
Maven; downloads pinned tools into a cache, once. What tests may ask of the machine comes as system
properties: `tfsv.golden`, the folder of golden files; `tfsv.models`, that of the demo models;
`tfsv.litert`, the LiteRT library; `tfsv.pictures`, a folder for pictures of the screens.
"""

import argparse
import pathlib
import shutil
import subprocess
import sys

import artifacts
import compiling
import packing
import places
import resources
from failure import BuildError, exiting

# The order matters: org.json of a desktop comes before the one inside Android's framework.
PURPOSES = ("tests", "robolectric", "framework")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("words", nargs="*", help="run the test classes with such a name only")
    parser.add_argument("--pictures", help="a folder for pictures of the screens")
    options = parser.parse_args()
    words = options.words
    with places.alone():
        linked = resources.link()
        artifacts.fetch("robolectric-framework")
        libraries = [path for path in artifacts.fetch(*PURPOSES) if path.suffix == ".jar"]
        main_classes = compiling.compile_main(linked)
        class_path = [*compiling.runtime_jars(), *libraries]
        test_classes = compiling.compile_tests(main_classes, class_path)
        configuration = _robolectric_configuration(linked)
    names = [
        ".".join(file.relative_to(test_classes).with_suffix("").parts)
        for file in sorted(test_classes.rglob("*Test.class"))
        if not words or any(word in file.stem for word in words)
    ]
    if not names:
        raise BuildError("no test class has such a name")
    folders = [main_classes, test_classes, configuration]
    pictures = []
    if options.pictures:
        pictures = [f"-Dtfsv.pictures={pathlib.Path(options.pictures).resolve()}"]
    done = subprocess.run(
        [
            *("java", "-Xmx2g", "-ea", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"),
            f"-Dtfsv.golden={places.GOLDEN}",
            f"-Dtfsv.models={places.MODELS}",
            f"-Dtfsv.litert={artifacts.fetch_one('tests', 'libLiteRt')}",
            *pictures,
            "-Drobolectric.offline=true",
            f"-Drobolectric.dependency.dir={places.cache()}",
            *("-cp", ":".join(str(path) for path in [*folders, *class_path])),
            "org.junit.runner.JUnitCore",
            *names,
        ],
        cwd=places.PROJECT,
        check=False,
    )
    sys.exit(done.returncode)


def _robolectric_configuration(linked: resources.Linked) -> pathlib.Path:
    """The file by which Gradle's plugin tells Robolectric where resources and assets are."""
    folder = places.BUILD / "robolectric"
    shutil.rmtree(folder, ignore_errors=True)
    file = folder / "com" / "android" / "tools" / "test_config.properties"
    file.parent.mkdir(parents=True)
    assets = resources.stage_assets()
    with_assets = places.BUILD / "resources" / "with_assets.apk"
    entries = [*packing.of_archive(linked.apk), *packing.of_folder(assets, "assets")]
    packing.write(entries, with_assets)
    lines = {
        "android_custom_package": places.properties()["namespace"],
        "android_merged_assets": assets,
        "android_merged_manifest": linked.manifest,
        "android_resource_apk": with_assets,
    }
    file.write_text("".join(f"{key}={value}\n" for key, value in lines.items()), encoding="utf-8")
    return folder


if __name__ == "__main__":
    exiting(main)
