"""Writes the zip archive of an APK: the same bytes for the same contents, on any machine.

Nothing is compressed. Android maps native libraries and models from the archive as they stand, and
the rest is small; so the bytes depend on no version of a compressor.
"""

import pathlib
import struct
import zipfile
from collections.abc import Iterable, Iterator

import places

EPOCH = (1980, 1, 1, 0, 0, 0)
# A page of the devices with the largest ones; and what the flatbuffers of models ask for.
LIBRARY_ALIGNMENT = 16384
ALIGNMENT = 16
# Android's extra field that keeps an alignment: the number, then padding. The signer honours it.
ALIGNMENT_FIELD = 0xD935
LOCAL_HEADER = 30


def write(entries: Iterable[tuple[str, bytes]], target: pathlib.Path) -> None:
    """Writes entries, in the order of their names, each at an offset that Android can map.

    Args:
        entries: Names in the archive, and contents.
        target: The file to write.
    """
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, content in sorted(entries):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.create_system = 0
            entry.extra = _padding(archive.fp.tell() + LOCAL_HEADER + len(name), alignment(name))
            archive.writestr(entry, content)


def alignment(name: str) -> int:
    """What the offset of an entry's content is a multiple of."""
    return LIBRARY_ALIGNMENT if name.endswith(".so") else ALIGNMENT


def native_libraries(archives: Iterable[pathlib.Path]) -> Iterator[tuple[str, bytes]]:
    """The libraries in some AARs for the processors of `versions.properties`, as entries."""
    for path in archives:
        with zipfile.ZipFile(path) as aar:
            for abi in places.properties()["abis"].split(","):
                folder = f"jni/{abi}/"
                for name in aar.namelist():
                    if name.startswith(folder) and name.endswith(".so"):
                        yield f"lib/{abi}/{name.removeprefix(folder)}", aar.read(name)


def of_archive(path: pathlib.Path) -> Iterator[tuple[str, bytes]]:
    """The entries of an archive."""
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            yield name, archive.read(name)


def of_folder(folder: pathlib.Path, prefix: str) -> Iterator[tuple[str, bytes]]:
    """The files below a folder, as entries."""
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            yield f"{prefix}/{file.relative_to(folder).as_posix()}", file.read_bytes()


def data_offset(apk: pathlib.Path, entry: zipfile.ZipInfo) -> int:
    """Where the content of an entry begins in its archive."""
    with open(apk, "rb") as file:
        file.seek(entry.header_offset)
        header = file.read(LOCAL_HEADER)
    name_bytes, extra_bytes = struct.unpack("<HH", header[26:30])
    return entry.header_offset + LOCAL_HEADER + name_bytes + extra_bytes


def _padding(offset: int, alignment: int) -> bytes:
    padding = -(offset + 6) % alignment
    return struct.pack("<HHH", ALIGNMENT_FIELD, 2 + padding, alignment) + bytes(padding)
