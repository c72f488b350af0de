"""Where things lie, and what `versions.properties` and the version catalogue say."""

import contextlib
import fcntl
import os
import pathlib
import re
from collections.abc import Iterator

PROJECT = pathlib.Path(__file__).resolve().parents[1]
BUILD = PROJECT / "build"
CORE = PROJECT / "core" / "src"
APP = PROJECT / "app" / "src"
DESKTOP = PROJECT / "desktop" / "src"
GOLDEN = PROJECT / "golden"
MODELS = PROJECT.parent / "tfsv" / "demo"
SHRINKING_RULES = PROJECT / "app" / "shrink.pro"


def properties() -> dict[str, str]:
    """The lines of `versions.properties`."""
    lines = (PROJECT / "versions.properties").read_text(encoding="utf-8").splitlines()
    pairs = (line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    return {key.strip(): value.strip() for key, value in pairs}


def catalogue_versions() -> dict[str, str]:
    """The section [versions] of `gradle/libs.versions.toml`."""
    text = (PROJECT / "gradle" / "libs.versions.toml").read_text(encoding="utf-8")
    section = re.search(r"\[versions\]\n(.*?)(?=\n\[|\Z)", text, re.DOTALL)
    return dict(re.findall(r'^([\w-]+) = "(.*)"$', section.group(1), re.MULTILINE))


def cache() -> pathlib.Path:
    """The folder of downloads: $TFSV_CACHE, else $XDG_CACHE_HOME/tfsv, else ~/.cache/tfsv."""
    if folder := os.environ.get("TFSV_CACHE"):
        root = pathlib.Path(folder)
    else:
        root = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "tfsv"
    return root / "android"


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Waits until no other command writes into the build folder of this checkout."""
    BUILD.mkdir(exist_ok=True)
    with open(BUILD / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
