"""Compares a 64-bit ARM processor, which an emulator plays, with the golden files.

    python3 mobile_demo/ci/arm_check.py

runs `tfsv make-goldens --check` with the aarch64 build of LiteRT, on two processors: one with
the dot products of 8-bit integers that newer telephones have, one without. It is the nearest that a
machine without a telephone comes to one: the same kernels of XNNPACK, though another LiteRT than
the app's, and no statement on speed.

Needs Debian 12 or what has its packages (apt-get, dpkg-deb), pip, and 300 MB in the cache; no root:
packages are unpacked there and not installed. apt and pip check what they download, pip against
`arm_requirements.lock`.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import zipfile

import places
from failure import BuildError, exiting, run

ARM_PACKAGES = ("python3.11-minimal", "libpython3.11-stdlib", "libstdc++6", "libgomp1")
EMULATOR_PACKAGE = "qemu-user-static:amd64"
EMULATOR = "usr/bin/qemu-aarch64-static"
PYTHON = "usr/bin/python3.11"
LOCK = pathlib.Path(__file__).with_name("arm_requirements.lock")
PLATFORMS = ("_2_27", "_2_28", "_2_17", "2014")
TOOL = places.PROJECT.parent / "tools" / "make_goldens.py"

# LiteRT asks /proc/cpuinfo what the processor can do; without one of its own it would read that of
# this machine. Features must be those that the emulator has for the processor.
PROCESSORS = {
    "neoverse-n1": ("0xd0c", "atomics fphp asimdhp asimdrdm asimddp"),
    "cortex-a72": ("0xd08", ""),
}
CPUINFO = """\
processor\t: 0
BogoMIPS\t: 50.00
Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 cpuid {features}
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x3
CPU part\t: {part}
CPU revision\t: 1

"""


def main() -> None:
    folder = places.cache().parent / "arm"
    if not (folder / "complete").exists():
        _fetch(folder)
    failed = [processor for processor in PROCESSORS if not _agrees(folder, processor)]
    if failed:
        raise BuildError(f"golden files differ on {', '.join(failed)}")


def _agrees(folder: pathlib.Path, processor: str) -> bool:
    part, features = PROCESSORS[processor]
    root = folder / "root"
    (root / "proc").mkdir(exist_ok=True)
    (root / "proc" / "cpuinfo").write_text(CPUINFO.format(part=part, features=features))
    print(f"{processor}:", flush=True)
    done = subprocess.run(
        [
            *(folder / EMULATOR.rpartition("/")[2], "-cpu", processor, "-L", root),
            *(root / PYTHON, TOOL, f"--check={places.GOLDEN}"),
        ],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{folder / 'site'}:{TOOL.parents[1]}",
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        check=False,
    )
    return done.returncode == 0


def _fetch(folder: pathlib.Path) -> None:
    """Unpacks the emulator, an ARM Python and its packages; `complete` is written last."""
    print("fetching an ARM Python and an emulator", file=sys.stderr)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory(dir=folder) as work:
        _fetch_packages(folder, pathlib.Path(work))
        _fetch_wheels(folder, pathlib.Path(work))
    (folder / "complete").touch()


def _fetch_packages(folder: pathlib.Path, work: pathlib.Path) -> None:
    """Packages of the machine's own sources, for ARM, as if nothing were installed yet."""
    for name in ("lists/partial", "cache/archives/partial"):
        (work / name).mkdir(parents=True)
    (work / "status").touch()
    configuration = work / "apt.conf"
    configuration.write_text(
        'APT::Architecture "arm64";\n'
        'APT::Architectures {"arm64"; "amd64";};\n'
        'APT::Install-Recommends "false";\n'
        'APT::Sandbox::User "";\n'
        f'Dir::State::lists "{work}/lists";\n'
        f'Dir::State::status "{work}/status";\n'
        f'Dir::Cache "{work}/cache";\n'
    )
    apt = ("env", f"APT_CONFIG={configuration}", "apt-get", "--quiet")
    run([*apt, "update"], "apt-get update")
    packages = (*ARM_PACKAGES, EMULATOR_PACKAGE)
    run([*apt, "install", "--yes", "--download-only", *packages], "apt-get install")
    for package in sorted((work / "cache" / "archives").glob("*.deb")):
        is_emulator = package.name.startswith(EMULATOR_PACKAGE.split(":")[0])
        target = work / "emulators" if is_emulator else folder / "root"
        run(["dpkg-deb", "--extract", package, target], f"unpacking {package.name}")
    shutil.move(work / "emulators" / EMULATOR, folder / EMULATOR.rpartition("/")[2])


def _fetch_wheels(folder: pathlib.Path, work: pathlib.Path) -> None:
    wheels = work / "wheels"
    platforms = [f"--platform=manylinux{version}_aarch64" for version in PLATFORMS]
    run(
        [
            *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"),
            *("--no-deps", "--require-hashes", "--only-binary=:all:", *platforms),
            *("--python-version=3.11", f"--dest={wheels}", f"--requirement={LOCK}"),
        ],
        "pip download",
    )
    for wheel in sorted(wheels.iterdir()):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder / "site")


if __name__ == "__main__":
    exiting(main)
