"""The Android project as files: Gradle says what the command line does, and languages agree.

What these tests cannot see, `mobile_demo/ci/check_apk.py` looks up in the APK.
"""

import collections
import importlib
import json
import pathlib
import re
import struct
import sys
import xml.etree.ElementTree as ElementTree
import zipfile

import pytest

PROJECT = pathlib.Path(__file__).resolve().parents[2] / "mobile_demo"
RESOURCES = PROJECT / "app" / "src" / "main" / "res"
ANDROID = "{http://schemas.android.com/apk/res/android}"
PLACEHOLDER = re.compile(r"%(?:\d+\$)?[-+0,#]*\d*(?:\.\d+)?[a-zA-Z%]")

sys.path.append(str(PROJECT / "ci"))
android_api, artifacts, dex, packing, places = (
    importlib.import_module(name)
    for name in ("android_api", "artifacts", "dex", "packing", "places")
)
check_apk = importlib.import_module("check_apk")


def text(path: str) -> str:
    return (PROJECT / path).read_text(encoding="utf-8")


class TestGradle:
    """Nothing here runs Gradle: it is not to be had without Google's repository."""

    def test_modules_are_folders(self):
        included = re.findall(r'":(\w+)"', text("settings.gradle.kts"))

        assert included == ["core", "app", "desktop"]
        assert {folder.parent for folder in (places.CORE, places.APP, places.DESKTOP)} == {
            PROJECT / name for name in included
        }
        assert all((PROJECT / name / "build.gradle.kts").exists() for name in included)

    def test_every_property_is_read_by_gradle_and_no_other(self):
        asked = set(re.findall(r'version\("(\w+)"\)', text("app/build.gradle.kts")))

        assert asked == set(places.properties())

    def test_numbers_and_names_stand_in_no_build_file(self):
        for name in ("namespace", "applicationId", "compileSdk", "minSdk", "targetSdk"):
            line = re.search(rf"^\s*{name} = (.*)$", text("app/build.gradle.kts"), re.MULTILINE)
            assert line.group(1).startswith(f'version("{name}")')

    def test_every_alias_is_in_the_catalogue(self):
        catalogue = text("gradle/libs.versions.toml")
        entries = re.findall(r"^([\w-]+) = \{", catalogue, re.MULTILINE)
        for module in ("", "core/", "app/", "desktop/"):
            used = re.findall(r"libs\.(?:plugins\.)?([\w.]+)\)", text(f"{module}build.gradle.kts"))
            assert {alias.replace(".", "-") for alias in used} <= set(entries)

    def test_the_command_line_downloads_the_versions_of_the_catalogue(self):
        versions = places.catalogue_versions()
        locked = {
            artifact.coordinates.rsplit(":", 1)[0]: artifact.coordinates.rsplit(":", 1)[1]
            for artifact in artifacts.locked(
                "compiler", "runtime", "tflite", "tests", "robolectric"
            )
            if not artifact.from_pip
        }

        for coordinates, version in (
            ("org.jetbrains.kotlin:kotlin-compiler-embeddable:jar", versions["kotlin"]),
            ("org.jetbrains.kotlin:kotlin-stdlib:jar", versions["kotlin"]),
            ("org.tensorflow:tensorflow-lite:aar", versions["tflite"]),
            ("org.tensorflow:tensorflow-lite-api:aar", versions["tflite"]),
            ("net.java.dev.jna:jna:jar", versions["jna"]),
            ("org.json:json:jar", versions["json"]),
            ("junit:junit:jar", versions["junit"]),
            ("org.robolectric:robolectric:jar", versions["robolectric"]),
        ):
            assert locked[coordinates] == version

    def test_both_compile_for_the_same_java(self):
        compiling = importlib.import_module("compiling")
        for module in ("core", "app", "desktop"):
            build = text(f"{module}/build.gradle.kts")
            assert build.count("JavaVersion.VERSION_1_8") == 2
            assert "JVM_1_8" in build or 'jvmTarget = "1.8"' in build
        assert compiling.JVM_TARGET == "1.8"

    def test_both_shrink_by_the_same_rules(self):
        assert places.SHRINKING_RULES.exists()
        assert f'proguardFiles("{places.SHRINKING_RULES.name}")' in text("app/build.gradle.kts")
        assert places.SHRINKING_RULES.parent == PROJECT / "app"

    def test_assets_come_from_the_same_folders(self):
        build = text("app/build.gradle.kts")

        for folder in (places.MODELS, places.GOLDEN):
            relative = re.findall(r'from\(rootProject\.file\("(.*)"\)\)', build)
            assert folder in [(PROJECT / name).resolve() for name in relative]
        assert 'noCompress += "tflite"' in build

    def test_no_wrapper_is_committed(self):
        assert not list(PROJECT.rglob("gradle-wrapper.jar"))


class TestSources:
    def test_assets_are_asked_for_by_the_names_in_the_properties(self):
        what = places.properties()
        for path, name in (
            ("app/src/main/kotlin/org/tfsv/app/models/Models.kt", what["modelAssets"]),
            ("app/src/main/kotlin/org/tfsv/app/selftest/SelfTestSession.kt", what["goldenAssets"]),
        ):
            assert f'const val ASSETS = "{name}"' in text(path)

    def test_core_knows_no_android(self):
        for source in (PROJECT / "core" / "src").rglob("*.kt"):
            imports = re.findall(r"^import (\S+)", source.read_text(), re.MULTILINE)
            strange = [
                name
                for name in imports
                if not name.startswith(("org.tfsv.core.", "kotlin.", "java.", "javax.crypto."))
                and not name.startswith(("org.json.", "org.junit."))
            ]
            assert not strange, f"{source.name}: {strange}"

    def test_modules_use_what_core_makes_public(self):
        """The command line compiles core and app as one module, where `internal` hides nothing."""
        sources = PROJECT / "core" / "src" / "main" / "kotlin"
        hidden = {
            ".".join((*source.parent.relative_to(sources).parts, name))
            for source in sources.rglob("*.kt")
            for name in re.findall(
                r"^internal (?:\w+ )*(?:class|object|interface|fun|val) (?:\w+\.)?(\w+)",
                source.read_text(),
                re.MULTILINE,
            )
        }
        assert "org.tfsv.core.toHex" in hidden
        assert "org.tfsv.core.model.Damaged" in hidden
        for module in ("app", "desktop"):
            for source in (PROJECT / module / "src").rglob("*.kt"):
                imports = re.findall(r"^import (\S+)", source.read_text(), re.MULTILINE)
                assert not hidden.intersection(imports), source

    def test_the_app_computes_no_score(self):
        for source in (PROJECT / "app" / "src" / "main").rglob("*.kt"):
            assert not re.search(r"Scoring|Vectors|\bsqrt\b|\bcosine\(", source.read_text()), source

    def test_nothing_is_logged(self):
        for folder in ("core", "app"):
            for source in (PROJECT / folder / "src" / "main").rglob("*.kt"):
                assert not re.search(r"\bLog\.|println|printStackTrace", source.read_text()), source


class TestManifest:
    manifest = ElementTree.parse(PROJECT / "app" / "src" / "main" / "AndroidManifest.xml").getroot()
    application = manifest.find("application")

    def test_the_microphone_is_all_it_asks_for(self):
        asked = [entry.get(f"{ANDROID}name") for entry in self.manifest.findall("uses-permission")]

        assert asked == ["android.permission.RECORD_AUDIO"]

    def test_nothing_leaves_the_phone(self):
        assert self.application.get(f"{ANDROID}allowBackup") == "false"
        rules = self.application.get(f"{ANDROID}dataExtractionRules").removeprefix("@xml/")
        extraction = ElementTree.parse(RESOURCES / "xml" / f"{rules}.xml").getroot()
        for way in ("cloud-backup", "device-transfer"):
            excluded = {entry.get("domain") for entry in extraction.find(way).findall("exclude")}
            assert excluded == {"root", "file", "database", "sharedpref", "external"}

    def test_what_the_builds_put_in_is_not_there_already(self):
        assert "package" not in self.manifest.attrib
        assert self.manifest.find("uses-sdk") is None
        assert not [name for name in self.manifest.attrib if "version" in name]
        assert f"{ANDROID}debuggable" not in self.application.attrib

    def test_every_activity_has_a_source_and_one_can_be_opened_from_outside(self):
        exported = []
        for activity in self.application.findall("activity"):
            name = activity.get(f"{ANDROID}name")
            path = f"app/src/main/kotlin/org/tfsv/app{name.replace('.', '/')}.kt"
            assert (PROJECT / path).exists(), path
            if activity.get(f"{ANDROID}exported") == "true":
                exported.append(name)

        assert exported == [".verify.VerifyActivity"]


class TestStrings:
    @staticmethod
    def strings(folder: str, translatable: bool = False) -> dict[str, list[str]]:
        """Placeholders of each string; of each quantity of a plural."""
        found = {}
        for entry in ElementTree.parse(RESOURCES / folder / "strings.xml").getroot():
            if translatable and entry.get("translatable") == "false":
                continue
            name = entry.get("name")
            if entry.tag == "plurals":
                for item in entry:
                    key = f"{name}/{item.get('quantity')}"
                    found[key] = sorted(PLACEHOLDER.findall(item.text))
            else:
                found[name] = sorted(PLACEHOLDER.findall(entry.text))
        return found

    def test_german_has_the_same_keys_and_placeholders(self):
        assert self.strings("values-de") == self.strings("values", translatable=True)

    def test_every_language_is_in_the_list_for_the_settings(self):
        locales = ElementTree.parse(RESOURCES / "xml" / "locales.xml").getroot()
        folders = [folder.name for folder in RESOURCES.glob("values-??")]

        listed = {entry.get(f"{ANDROID}name") for entry in locales}
        assert listed == {"en", *(name.removeprefix("values-") for name in folders)}

    def test_every_string_is_used_and_none_is_missing(self):
        main = PROJECT / "app" / "src" / "main"
        files = [*main.rglob("*.kt"), *main.rglob("*.xml")]
        everything = "\n".join(path.read_text(encoding="utf-8") for path in files)
        used = set(re.findall(r"(?:R\.(?:string|plurals)\.|@string/)(\w+)", everything))

        assert used == {name.split("/")[0] for name in self.strings("values")}

    def test_no_words_stand_in_layouts(self):
        for layout in (RESOURCES / "layout").glob("*.xml"):
            for view in ElementTree.parse(layout).iter():
                for name in ("text", "hint", "contentDescription"):
                    words = view.get(ANDROID + name)
                    assert words is None or words.startswith("@string/"), f"{layout.name}: {words}"

    def test_dark_and_light_have_the_same_colours(self):
        def colours(folder: str) -> set[str]:
            return {
                entry.get("name")
                for entry in ElementTree.parse(RESOURCES / folder / "colors.xml").getroot()
            }

        assert colours("values-night") == {
            name for name in colours("values") if not name.startswith("icon_")
        }


class TestLock:
    def test_every_line_is_a_download_with_a_checksum(self):
        for lock in artifacts.LOCKS:
            lines = [line for line in lock.read_text().splitlines() if not line.startswith("#")]
            for line in lines:
                purpose, coordinates, sha256 = line.split()
                assert purpose.replace("-", "").isalpha()
                assert len(coordinates.split(":")) == (3 if coordinates.startswith("pip") else 4)
                assert re.fullmatch("[0-9a-f]{64}", sha256)

    def test_a_file_with_other_bytes_is_not_used(self, tmp_path, monkeypatch):
        monkeypatch.setenv("TFSV_CACHE", str(tmp_path))
        artifact = artifacts.locked("tests")[0]
        artifact.path.parent.mkdir(parents=True)
        artifact.path.write_bytes(b"something else")

        assert not artifact.is_there()


class TestPacking:
    ENTRIES = (("lib/arm64-v8a/a.so", b"library"), ("assets/models/m.tflite", b"model"), ("b", b""))

    def test_contents_stand_aligned_and_uncompressed(self, tmp_path):
        packing.write(self.ENTRIES, tmp_path / "a.apk")

        with zipfile.ZipFile(tmp_path / "a.apk") as archive:
            content = (tmp_path / "a.apk").read_bytes()
            for name, data in self.ENTRIES:
                offset = packing.data_offset(tmp_path / "a.apk", archive.getinfo(name))
                assert content[offset : offset + len(data)] == data
                assert offset % (16384 if name.endswith(".so") else 4) == 0
            assert archive.testzip() is None

    def test_the_same_contents_are_the_same_bytes(self, tmp_path):
        packing.write(self.ENTRIES, tmp_path / "a.apk")
        packing.write(reversed(self.ENTRIES), tmp_path / "b.apk")

        assert (tmp_path / "a.apk").read_bytes() == (tmp_path / "b.apk").read_bytes()


class TestChecks:
    """That the checks of an APK find what they are for."""

    @pytest.fixture
    def archive(self, tmp_path, monkeypatch):
        """An APK of a model and nothing else, as a function of what to do to its entries."""
        monkeypatch.setattr(places, "MODELS", tmp_path)
        what = places.properties()
        prefix = f"assets/{what['modelAssets']}/"
        entries = {}
        for name in what["models"].split(","):
            (tmp_path / name).write_bytes(name.encode())
            entries[prefix + name] = name.encode()

        def write(change=lambda entries: None):
            change(entries)
            packing.write(entries.items(), tmp_path / "a.apk")
            return zipfile.ZipFile(tmp_path / "a.apk")

        write.path = tmp_path / "a.apk"
        write.first = next(iter(entries))
        return write

    def test_models_of_the_package_pass(self, archive):
        assert not list(check_apk.wrong_models(archive()))
        assert not list(check_apk.wrong_cold_start(archive()))

    def test_a_changed_missing_or_strange_model_is_found(self, archive):
        changed = archive(lambda entries: entries.update({archive.first: b"other"}))
        assert [line for line in check_apk.wrong_models(changed) if archive.first in line]
        missing = archive(lambda entries: entries.pop(archive.first))
        assert list(check_apk.wrong_models(missing)) == [f"{archive.first} is missing"]
        strange = f"{archive.first}.old"
        more = archive(lambda entries: entries.update({archive.first: b"", strange: b""}))
        assert f"{strange} is too many" in list(check_apk.wrong_models(more))

    def test_a_large_asset_is_found_unless_it_is_for_the_self_test(self, archive):
        large = bytes(check_apk.COLD_START_BYTES)
        golden = f"assets/{places.properties()['goldenAssets']}/a"
        assert not list(
            check_apk.wrong_cold_start(archive(lambda entries: entries.update({golden: large})))
        )
        assert list(
            check_apk.wrong_cold_start(archive(lambda entries: entries.update({"a": large})))
        )

    def test_a_compressed_entry_is_found(self, archive):
        with zipfile.ZipFile(archive.path, "w", zipfile.ZIP_DEFLATED) as apk:
            apk.writestr("a", bytes(100))
        with zipfile.ZipFile(archive.path) as apk:
            assert "a is compressed" in list(check_apk.wrong_alignment(archive.path, apk))

    def test_calls_of_what_the_oldest_android_lacks_are_found(self):
        interface = {
            "java/lang/Object": android_api.PublicClass((), frozenset({"hashCode()I"})),
            "java/util/List": android_api.PublicClass(("java/lang/Object",), frozenset()),
        }
        app = dex.DefinedClass(("java/util/List",), frozenset({"mine()V"}))
        called = {
            ("org/tfsv/App", "mine()V"),
            ("org/tfsv/App", "hashCode()I"),
            ("java/util/List", "hashCode()I"),
            ("java/util/List", "of()Ljava/util/List;"),
            ("org/tfsv/App", "removed()V"),
        }
        named = frozenset({"org/tfsv/App", "java/util/List", "java/time/Instant"})
        file = dex.Dex({"org/tfsv/App": app}, named, frozenset(called))

        assert android_api.missing([file], interface) == [
            "java/time/Instant",
            "java/util/List.of()Ljava/util/List;",
            "org/tfsv/App.removed()V",
        ]


def test_a_dalvik_executable_is_read():
    """A class A with a field and a method, which calls a method of its superclass B."""
    strings = ["A", "LA;", "LB;", "V", "f", "m", "s"]
    tables = collections.OrderedDict(
        strings=[],
        types=[struct.pack("<I", index) for index in (1, 2, 3)],
        prototypes=[struct.pack("<III", 3, 2, 0)],
        fields=[struct.pack("<HHI", 0, 1, 4)],
        methods=[struct.pack("<HHI", 0, 0, 5), struct.pack("<HHI", 1, 0, 6)],
        classes=[],
    )
    content = bytearray(0x70)

    def append(data: bytes) -> int:
        content.extend(bytes(-len(content) % 4))
        content.extend(data)
        return len(content) - len(data)

    data = append(bytes([0, 1, 1, 0, 0, 0, 0, 0, 0]))
    tables["classes"] = [struct.pack("<8I", 0, 0, 1, 0, 0xFFFFFFFF, 0, data, 0)]
    for word in strings:
        offset = append(bytes([len(word)]) + word.encode() + b"\0")
        tables["strings"].append(struct.pack("<I", offset))
    for position, (_, rows) in zip(range(56, 104, 8), tables.items(), strict=True):
        struct.pack_into("<II", content, position, len(rows), append(b"".join(rows)))

    file = dex.read(bytes(content))

    assert file.defined == {"A": dex.DefinedClass(("B",), frozenset({"f#LB;", "m()V"}))}
    assert file.classes == {"A", "B"}
    assert file.members == {("A", "f#LB;"), ("A", "m()V"), ("B", "s()V")}


def test_golden_files_are_small_enough_to_commit():
    files = [path for path in places.GOLDEN.rglob("*") if path.is_file()]

    assert json.loads((places.GOLDEN / "goldens.json").read_text())["models"]
    assert sum(path.stat().st_size for path in files) <= 1_500_000
