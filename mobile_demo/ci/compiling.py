"""Runs the Kotlin compiler: once for core and app, once for desktop and the tests of all three.

What the tests run is what goes into the APK. The framework on the class path is newer than minSdk;
`check_apk.py` compares what the shipped code calls with what Android had then.
"""

import hashlib
import pathlib
import shutil
import zipfile
from collections.abc import Iterable, Sequence

import artifacts
import places
from failure import run
from resources import Linked

JVM_TARGET = "1.8"
# A compiler that lives for seconds is fastest without the optimizing compiler of the JVM.
JVM = ("java", "-Xmx1g", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto")
RUNTIME_CLASSES = "classes.jar"


def runtime_jars() -> list[pathlib.Path]:
    """What the app is linked with: Kotlin's library and the classes of TensorFlow Lite."""
    jars = artifacts.fetch("runtime")
    for archive in artifacts.fetch("tflite"):
        jar = places.BUILD / "tflite" / f"{archive.stem}.jar"
        if not jar.exists():
            jar.parent.mkdir(parents=True, exist_ok=True)
            with zipfile.ZipFile(archive) as aar:
                jar.write_bytes(aar.read(RUNTIME_CLASSES))
        jars.append(jar)
    return jars


def compile_main(linked: Linked) -> pathlib.Path:
    """Compiles core and app, with class R of `linked`.

    Returns:
        The folder of the classes.

    Raises:
        BuildError: In the compiler's words.
    """
    resources_class = sorted(linked.java.rglob("*.java"))
    sources = [*_kotlin(places.CORE / "main"), *_kotlin(places.APP / "main"), *resources_class]
    class_path = [*artifacts.fetch("framework"), *runtime_jars()]
    folder = places.BUILD / "classes" / "main"
    if _is_stale(folder, sources, class_path):
        _kotlinc(sources, class_path, folder, [])
        run(
            ["javac", "--release", "8", "-Xlint:-options", "-d", folder, *resources_class],
            "javac R.java",
        )
        _mark(folder, sources, class_path)
    return folder


def compile_tests(main: pathlib.Path, class_path: Sequence[pathlib.Path]) -> pathlib.Path:
    """Compiles desktop and all tests against the classes of core and app.

    Args:
        main: The folder that `compile_main` returned.
        class_path: Everything else that the tests use.

    Returns:
        The folder of the classes.

    Raises:
        BuildError: In the compiler's words.
    """
    folders = [places.DESKTOP / "main", places.DESKTOP / "test", places.CORE / "test"]
    folders += [places.APP / "test", places.APP / "test-stubs"]
    sources = [source for folder in folders for source in _kotlin(folder)]
    folder = places.BUILD / "classes" / "tests"
    used = [*sorted(main.rglob("*.class")), *class_path]
    if _is_stale(folder, sources, used):
        _kotlinc(sources, [main, *class_path], folder, [f"-Xfriend-paths={main}"])
        _mark(folder, sources, used)
    return folder


def _kotlin(folder: pathlib.Path) -> list[pathlib.Path]:
    return sorted(folder.rglob("*.kt"))


def _kotlinc(
    sources: Iterable[pathlib.Path],
    class_path: Iterable[pathlib.Path],
    folder: pathlib.Path,
    options: Iterable[str],
) -> None:
    compiler = [*artifacts.fetch("compiler"), *artifacts.fetch("runtime")]
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    run(
        [
            *(*JVM, "-cp", _joined(compiler), "org.jetbrains.kotlin.cli.jvm.K2JVMCompiler"),
            *("-no-stdlib", "-no-reflect", "-jvm-target", JVM_TARGET, "-module-name", "tfsv"),
            *("-Werror", "-cp", _joined(class_path), "-d", folder, *options, *sources),
        ],
        "kotlinc",
    )


def _joined(paths: Iterable[pathlib.Path]) -> str:
    return ":".join(str(path) for path in paths)


def _is_stale(
    folder: pathlib.Path, sources: Sequence[pathlib.Path], others: Sequence[pathlib.Path]
) -> bool:
    stamp = _stamp(folder)
    return not stamp.exists() or stamp.read_text() != _digest(sources, others)


def _mark(
    folder: pathlib.Path, sources: Sequence[pathlib.Path], others: Sequence[pathlib.Path]
) -> None:
    _stamp(folder).write_text(_digest(sources, others))


def _stamp(folder: pathlib.Path) -> pathlib.Path:
    return folder.with_name(folder.name + ".sha256")


def _digest(sources: Sequence[pathlib.Path], others: Sequence[pathlib.Path]) -> str:
    """Of the names of all files, and of what is in them; jars have a version in their name."""
    digest = hashlib.sha256(pathlib.Path(__file__).read_bytes())
    for path in [*sources, *others]:
        digest.update(str(path).encode())
        if path.suffix != ".jar":
            digest.update(path.read_bytes())
    return digest.hexdigest()
