"""Damaged and forged models, and processes that open them and may die of it.

    python tests/hostile.py model.tflite --seconds=600 --seed=1

opens every forgery of `forgeries`, then mutants until the time is up, and prints each outcome that
must not be: an exception that is not InputError, a message that is not one line about the file, a
dead or silent process, more memory than `--megabytes`. It exits with status 1 if there was one. A
mutant is known by its seed and number, so `--number` opens one alone. `--embed` also computes with
what loads.

A damaged file is caught by its checksum, whatever the damage. A forged one is sealed again, so
that what lies behind the checksum has to bear it.
"""

import collections
import dataclasses
import json
import math
import pathlib
import random
import resource
import selectors
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator

import numpy as np
from absl import flags

from tfsv.commands.running import Command
from tfsv.errors import InputError
from tfsv.packed import expand, flatbuffer, record, seal
from tfsv.packed.assemble import CARD_ENTRY
from tfsv.packed.bits import plane_bytes
from tfsv.packed.cohort import COHORT_ENTRY
from tfsv.packed.fields import (
    GRAPH_INPUTS,
    GRAPH_OPERATORS,
    GRAPH_TENSORS,
    MODEL_BUFFERS,
    MODEL_METADATA,
    MODEL_SIGNATURES,
    MODEL_SUBGRAPHS,
    SIGNATURE_INPUTS,
    TENSOR_BUFFER,
    TENSOR_SHAPE,
    TENSOR_TYPE,
)
from tfsv.packed.reader import U32, TableReader
from tfsv.verification.tflite_embedder import TFLiteEmbedder

SECONDS = 20.0
"""What opening a file may take."""

MEGABYTES = 384
"""What a process may allocate beyond what it has before it opens the first file."""

_WORDS = (0, 1, 2, 3, 4, 7, 8, 16, 0xFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
_LOUD = np.random.default_rng(0).normal(0, 0.1, 4000).astype(np.float32)


# Damage: the checksum is wrong.


def cuts(content: bytes, header: int, places: int, seed: int) -> Iterator[bytes]:
    """The file cut at every byte of its first `header` ones and at random places."""
    drawn = random.Random(seed)
    for end in [*range(header), *(drawn.randrange(header, len(content)) for _ in range(places))]:
        yield content[:end]


def flips(content: bytes, count: int, seed: int) -> Iterator[bytes]:
    """The file with one to eight bits turned over."""
    drawn = random.Random(seed)
    for number in range(count):
        changed = bytearray(content)
        places = drawn.sample(range(8 * len(content)), 1 if number % 2 else drawn.randint(2, 8))
        for place in places:
            changed[place // 8] ^= 1 << place % 8
        yield bytes(changed)


# Forgery: the checksum is right.


def mutant(content: bytes, seed: int, number: int) -> bytes:
    """The file with up to six random changes, sealed again.

    Bits, bytes and words are overwritten, words by others of the file and by values that are
    often wrong; pieces are copied elsewhere and set to zero. Half of the changes are where the
    structure is, before the first large constant.
    """
    drawn = random.Random(f"{seed} {number}")
    changed = bytearray(content)
    structure = min(len(content) - 16, 1 << 14)
    for _ in range(drawn.randint(1, 6)):
        end = drawn.choice((structure, len(content) - 16))
        place = drawn.randrange(8, end)
        word = place & ~3
        match drawn.randrange(7):
            case 0 | 1:
                changed[place] ^= 1 << drawn.randrange(8)
            case 2:
                changed[place] = drawn.randrange(256)
            case 3:
                U32.pack_into(changed, word, drawn.choice((*_WORDS, len(content))))
            case 4:
                step = drawn.choice((-64, -16, -8, -4, -1, 1, 4, 8, 16, 64))
                U32.pack_into(changed, word, (U32.unpack_from(changed, word)[0] + step) % 2**32)
            case 5:
                other, size = 4 * drawn.randrange(2, end // 4), 4 * drawn.randint(1, 16)
                piece = changed[other : other + size]
                changed[word : word + len(piece)] = piece
            case 6:
                size = min(4 * drawn.randint(1, 16), len(content) - word)
                changed[word : word + size] = bytes(size)
    return sealed(bytes(changed[: len(content)]), content)


def sealed(changed: bytes, original: bytes) -> bytes:
    """`changed` with a checksum where `original` has it; it may have grown at its end."""
    place = flatbuffer.find_metadata(original, seal.SEAL_ENTRY)
    return changed[: place.start] + seal.digest(changed, place) + changed[place.stop :]


class Forger:
    """Changes a packed file where it means something.

    Attributes:
        content: The file as changed so far; it only grows, so that positions stay.
        record: The record as it was.
    """

    def __init__(self, original: bytes):
        self._original = original
        self.content = bytearray(original)
        self.record = expand.packed_record(original)
        self.model = TableReader.root(original)
        self.graph = self.model.tables(MODEL_SUBGRAPHS)[0]
        self.tensors = self.graph.tables(GRAPH_TENSORS)
        self.buffers = self.model.tables(MODEL_BUFFERS)

    def done(self) -> bytes:
        """The forgery, sealed."""
        return sealed(bytes(self.content), self._original)

    def word(self, place: int, value: int) -> None:
        """Overwrites four bytes."""
        U32.pack_into(self.content, place, value % 2**32)

    def vector(self, payload: bytes, length: int | None = None) -> int:
        """Adds a vector to the end, of which the data starts at a multiple of 16; its position."""
        self.content += bytes(-(len(self.content) + 4) % 16)
        self.content += U32.pack(len(payload) if length is None else length) + payload
        return len(self.content) - len(payload) - 4

    def point(self, slot: int, position: int) -> None:
        """Lets an offset lead elsewhere."""
        self.word(slot, position - slot)

    def entry(self, name: str, payload: bytes) -> None:
        """Gives a metadata entry another content."""
        for entry in self.model.tables(MODEL_METADATA):
            if bytes(self._original[slice(*entry.span(0))]) == name.encode():
                self.point(self.buffers[entry.number(1)].slot(0), self.vector(payload))

    def packed(self, changed: record.Record) -> None:
        """Gives the file another record."""
        self.entry(record.RECORD_ENTRY, changed.to_bytes())

    def group(self, number: int = 0, **changes: object) -> None:
        """Changes a group of the record."""
        groups = list(self.record.groups)
        groups[number] = dataclasses.replace(groups[number], **changes)
        self.packed(dataclasses.replace(self.record, groups=tuple(groups)))

    def shape(self, tensor: int, dimensions: tuple[int, ...]) -> None:
        """Gives a tensor another shape."""
        payload = struct.pack(f"<{len(dimensions)}i", *dimensions)
        place = self.vector(payload, len(dimensions))
        self.point(self.tensors[tensor].slot(TENSOR_SHAPE), place)

    def dimensions(self, tensor: int) -> tuple[int, ...]:
        """The shape that a tensor had."""
        return tuple(self.tensors[tensor].numbers(TENSOR_SHAPE, "<i4").tolist())

    def data(self, tensor: int, payload: bytes, length: int | None = None) -> None:
        """Gives a constant other bytes, or another number of them than there are."""
        buffer = self.buffers[self.tensors[tensor].number(TENSOR_BUFFER)]
        self.point(buffer.slot(0), self.vector(payload, length))

    def kind(self, tensor: int, code: int) -> None:
        """Gives a tensor another type."""
        slot = self.tensors[tensor].slot(TENSOR_TYPE)
        if slot is not None:
            self.content[slot] = code


def forgeries(content: bytes) -> dict[str, Callable[[Forger], None]]:
    """What is done to a packed file, by name; each with its own `Forger`."""
    forger = Forger(content)
    known = forger.record
    first = known.groups[0]
    scaled = next((i for i, g in enumerate(known.groups) if g.scale is not None), None)
    many = max(range(len(known.groups)), key=lambda i: len(known.groups[i].kernels))
    fields = {
        "declared size of nothing": {"expanded": 0},
        "declared size too large by one": {"expanded": known.expanded + 1},
        "declared size of 4 GB": {"expanded": 2**32 - 1},
        "declared size of the largest model": {"expanded": expand.LARGEST_MODEL},
        "no groups": {"groups": ()},
        "groups twice": {"groups": known.groups * 2},
        "groups many times": {"groups": known.groups * (60_000 // len(known.groups))},
        "spare buffer 0": {"spare": 0},
        "spare buffer out of range": {"spare": 0xFFFF},
        "spare buffers out of range from the second": {"spare": len(forger.buffers) - 1},
        "spare buffer that is used": {"spare": 1},
        "no decoding operators": {"decoding": 0},
        "one decoding operator": {"decoding": 1},
        "one decoding operator less": {"decoding": known.decoding - 1},
        "one decoding operator more": {"decoding": known.decoding + 1},
        "decoding operators only": {"decoding": len(forger.graph.tables(GRAPH_OPERATORS))},
        "more decoding operators than all": {"decoding": 0xFFFF},
    }
    groups = {
        f"{bits} bits": (0, {"bits": bits})
        for bits in (0, 9, 255, *range(1, 9))
        if bits != first.bits
    }
    for what in ("codebook", "scale"):
        for tensor in (0, 0xFFFE, 0xFFFF, first.kernels[0], first.codes[0]):
            groups[f"{what} in tensor {tensor}"] = 0, {what: tensor}
    for tensor in (0, 0xFFFF, first.kernels[0], first.codebook):
        groups[f"codes in tensor {tensor}"] = 0, {"codes": (tensor,) * len(first.codes)}
    for tensor in (0, 0xFFFF, first.codes[0], first.codebook):
        groups[f"kernel in tensor {tensor}"] = 0, {"kernels": (tensor, *first.kernels[1:])}
    group = known.groups[many]
    groups["kernels that repeat"] = many, {"kernels": (group.kernels[-1],) * len(group.kernels)}
    groups["a layer more"] = (
        many,
        {
            "kernels": (*group.kernels, group.kernels[0]),
            "errors": (*group.errors, 0.0),
        },
    )
    groups["255 layers"] = 0, {"kernels": first.kernels[:1] * 255, "errors": (0.0,) * 255}
    groups["no layers"] = 0, {"kernels": (), "errors": ()}
    if scaled is not None:
        groups["factors left out"] = scaled, {"scale": None}

    made: dict[str, Callable[[Forger], None]] = {}
    for name, changes in fields.items():
        made[name] = lambda f, c=changes: f.packed(dataclasses.replace(f.record, **c))
    for name, (number, changes) in groups.items():
        made[name] = lambda f, n=number, c=changes: f.group(n, **c)
    made |= _records(known.to_bytes())
    made |= _tensors(known, forger, scaled)
    made |= _structures(forger)
    made |= {f"card: {name}": _card(text) for name, text in _cards(content).items()}
    return made | _cohorts(content)


def _records(written: bytes) -> dict[str, Callable[[Forger], None]]:
    contents = {f"record of {end} bytes": written[:end] for end in range(len(written))}
    contents |= {
        "record with another beginning": b"TFSW" + written[4:],
        "record of a later version": written[:4] + b"\2\0" + written[6:],
        "record of version 0": written[:4] + b"\0\0" + written[6:],
        "record of version 65535": written[:4] + b"\xff\xff" + written[6:],
        "record of 65535 groups": written[:6] + b"\xff\xff" + written[8:],
        "record with a byte more": written + b"\0",
        "record of a megabyte": written + bytes(1 << 20),
        "record of ones": b"\xff" * len(written),
        "record of group headers only": written[:6] + b"\xff\xff" + written[8:16] + b"\1" * 65536,
    }
    return {
        name: lambda f, c=content: f.entry(record.RECORD_ENTRY, c)
        for name, content in contents.items()
    }


def _cohorts(content: bytes) -> dict[str, Callable[[Forger], None]]:
    """Contents of the cohort's entry, where there is one."""
    place = flatbuffer.find_metadata(content, COHORT_ENTRY)
    if place is None:
        return {}
    written = content[place]
    contents = {f"cohort of {end} bytes": written[:end] for end in range(0, len(written), 3)}
    contents |= {
        "cohort of a later version": written[:4] + b"\2\0" + written[6:],
        "cohort of 65535 vectors": written[:6] + b"\xff\xff" + written[8:],
        "cohort of no values": written[:8] + b"\0\0" + written[10:],
        "cohort of 65535 vectors of nothing": written[:6] + b"\xff\xff\0\0",
        "cohort of zeros": written[:10] + bytes(len(written) - 10),
        "cohort with a byte more": written + b"\0",
        "cohort with another beginning": b"TFSV" + written[4:],
        "cohort turned": written[:6] + written[8:10] + written[6:8] + written[10:],
    }
    return {name: lambda f, c=found: f.entry(COHORT_ENTRY, c) for name, found in contents.items()}


def _tensors(
    known: record.Record, forger: Forger, scaled: int | None
) -> dict[str, Callable[[Forger], None]]:
    first = known.groups[0]
    tensors = {"codebook": first.codebook, "codes": first.codes[-1], "kernel": first.kernels[0]}
    if scaled is not None:
        tensors["factors"] = known.groups[scaled].scale
    made: dict[str, Callable[[Forger], None]] = {}
    for name, tensor in tensors.items():
        held = forger.dimensions(tensor)
        shapes = {
            "one more": (*held[:-1], held[-1] + 1),
            "one less": (*held[:-1], held[-1] - 1),
            "one layer more": (held[0] + 1, *held[1:]),
            "reversed": held[::-1],
            "flat": (math.prod(held),),
            "empty": (),
            "zero": (0, *held[1:]),
            "negative": (-held[0], *held[1:]),
            "two negatives": (-held[0], -held[1], *held[2:]),
            "giant": (2**31 - 1,) * len(held),
            "a product of 2^32": (2**16, 2**16),
            "a product of 2^64": (2**16,) * 4,
            "100,000 dimensions": (1,) * 100_000,
        }
        for label, shape in shapes.items():
            made[f"{name} of shape {label}"] = lambda f, t=tensor, s=shape: f.shape(t, s)
        for code in (0, 1, 2, 3, 4, 5, 9, 17, 127, 128, 255):
            made[f"{name} of type {code}"] = lambda f, t=tensor, c=code: f.kind(t, c)
        if name != "kernel":
            for size in (0, 1, 15, 1 << 16):
                made[f"{name} of {size} bytes"] = lambda f, t=tensor, n=size: f.data(t, bytes(n))
            for size in (0x7FFFFFFF, 0xFFFFFFFF):
                made[f"{name} of {size} bytes that are not there"] = (
                    lambda f, t=tensor, n=size: f.data(t, bytes(64), n)
                )
        for number in (0, len(forger.buffers) - 1, len(forger.buffers), 0xFFFFFFFF):
            made[f"{name} in buffer {number}"] = lambda f, t=tensor, n=number: f.word(
                f.tensors[t].slot(TENSOR_BUFFER), n
            )

    def huge(f: Forger) -> None:
        """One layer of 2^27 weights, of which the codes are there."""
        number = next(i for i, g in enumerate(known.groups) if len(g.codes) == len(g.kernels) == 1)
        group = known.groups[number]
        count = 2**23 * 8 // group.bits
        shape = f.dimensions(group.kernels[0])
        f.shape(group.kernels[0], (count, *(1,) * (len(shape) - 1)))
        f.data(group.codes[0], bytes(plane_bytes(count, group.bits)))
        f.shape(group.codes[0], (1, plane_bytes(count, group.bits)))
        parts = expand.PackedGroup(group, f.tensors, f.buffers)
        width = parts.codebooks.dtype.itemsize
        larger = known.expanded - parts.expanded_bytes + 16 + width * count
        f.packed(dataclasses.replace(known, expanded=larger))

    made["a layer of 8 MB of codes"] = huge

    def shared(f: Forger) -> None:
        for group in known.groups:
            for tensor in group.codes:
                f.word(f.tensors[tensor].slot(TENSOR_BUFFER), f.tensors[first.codes[0]].number(2))

    made["codes that share a buffer"] = shared
    return made


def _structures(forger: Forger) -> dict[str, Callable[[Forger], None]]:
    graph, model = forger.graph, forger.model
    subgraphs = model.slot(MODEL_SUBGRAPHS)
    buffers, metadata = model.slot(MODEL_BUFFERS), model.slot(MODEL_METADATA)
    operators = graph.slot(GRAPH_OPERATORS)
    layout = model.position - struct.unpack_from("<i", model.content, model.position)[0]
    spare = forger.buffers[forger.record.spare].slot(0)
    made: dict[str, Callable[[Forger], None]] = {}
    for name, slot in {
        "graphs": subgraphs,
        "buffers": buffers,
        "metadata": metadata,
        "operators": operators,
        "tensors": graph.slot(GRAPH_TENSORS),
        "inputs": graph.slot(GRAPH_INPUTS),
        "signatures": model.slot(MODEL_SIGNATURES),
        "a signature's inputs": model.tables(MODEL_SIGNATURES)[0].slot(SIGNATURE_INPUTS),
        "a spare buffer's bytes": spare,
        "the root": 0,
    }.items():
        for value in (0, 1, 4, 0x7FFFFFFF, 0xFFFFFFFC, 0xFFFFFFFF, len(model.content)):
            made[f"{name} at an offset of {value}"] = lambda f, s=slot, v=value: f.word(s, v)
        made[f"{name} at the root"] = lambda f, s=slot: f.point(s, model.position)
        made[f"{name} at the end"] = lambda f, s=slot: f.point(s, len(f.content) - 4)
    for name, table in {
        "graphs": model.tables(MODEL_SUBGRAPHS),
        "buffers": forger.buffers,
        "metadata": model.tables(MODEL_METADATA),
        "operators": graph.tables(GRAPH_OPERATORS),
        "tensors": forger.tensors,
        "signatures": model.tables(MODEL_SIGNATURES),
        "named inputs": model.tables(MODEL_SIGNATURES)[0].tables(SIGNATURE_INPUTS),
    }.items():
        for length in (0, 1, 2, len(table) + 1, 0xFFFF, 0x3FFFFFFF, 0x40000000, 0xFFFFFFFF):
            made[f"{length} {name}"] = lambda f, p=table.position - 4, v=length: f.word(p, v)
    for size in (0, 2, 3, 5, 0xFFFF):
        made[f"a layout of {size} bytes"] = lambda f, s=size: struct.pack_into(
            "<H", f.content, layout, s
        )
    for field in range(7):
        made[f"field {field} of the model far away"] = lambda f, n=field: struct.pack_into(
            "<H", f.content, layout + 4 + 2 * n, 0xFFFE
        )

    def circle(f: Forger) -> None:
        """The model's only graph is the model."""
        f.word(f.model.tables(MODEL_SUBGRAPHS).position, 0)
        f.point(subgraphs, f.model.position - 4)

    def layout_of_itself(f: Forger) -> None:
        f.word(f.model.position, 0)

    def operators_are_tensors(f: Forger) -> None:
        f.point(operators, f.tensors.position - 4)

    def long_names(f: Forger) -> None:
        """20,000 entries that are one, with a name as long as the file."""
        entry = f.model.tables(MODEL_METADATA)[0]
        f.point(entry.slot(0), f.vector(b"x" * 100_000))
        place = f.vector(bytes(4 * 20_000), 20_000)
        for number in range(20_000):
            slot = place + 4 + 4 * number
            struct.pack_into("<I", f.content, slot, (entry.position - slot) % 2**32)
        f.point(metadata, place)

    def spare_of_something(f: Forger) -> None:
        f.point(spare, f.vector(b"something"))

    def checksum_of_31_bytes(f: Forger) -> None:
        place = flatbuffer.find_metadata(model.content, seal.SEAL_ENTRY)
        f.word(place.start - 4, 31)

    return made | {
        "a model within itself": circle,
        "a table that is its own layout": layout_of_itself,
        "operators that are tensors": operators_are_tensors,
        "20,000 metadata entries with a long name": long_names,
        "a spare buffer with something in it": spare_of_something,
        "a checksum of 31 bytes": checksum_of_31_bytes,
    }


def _card(text: bytes) -> Callable[[Forger], None]:
    return lambda forger: forger.entry(CARD_ENTRY, text)


def _cards(content: bytes) -> dict[str, bytes]:
    """Contents of the card's entry."""
    place = flatbuffer.find_metadata(content, CARD_ENTRY)
    fields = json.loads(content[place])

    def with_value(held: dict, name: str, value: str) -> str:
        """A table with another value, as JSON."""
        rest = {key: kept for key, kept in held.items() if key != name}
        end = f'{", " if rest else ""}"{name}": {value}}}'
        return json.dumps(rest)[:-1] + end

    def changed(name: str, value: str, table: str | None = None) -> bytes:
        """The card with another value, as JSON, in itself or in one of its tables."""
        text = with_value(fields[table] if table else fields, name, value)
        return changed(table, text) if table else text.encode()

    depths = (900, 5000, 200_000)
    made = {
        "nothing": b"",
        "not UTF-8": b'{"schema": 3, "notes": "\xff"}',
        "with a byte order mark": b"\xef\xbb\xbf" + content[place],
        "zeros": bytes(1000),
        "null": b"null",
        "a list": b"[2]",
        "twice": content[place] * 2,
        "cut": content[place][:-5],
        "a key twice": content[place].rstrip()[:-1] + b',"notes":3}',
        "a key with a line break": changed("a\\nb", "1"),
        "a long key": changed("x" * 1_000_000, "1"),
        "8 MB of notes": changed("notes", '"' + "x" * (8 << 20) + '"'),
        "half a character": changed("notes", '"\\ud800"'),
        "an escape": changed("trained_on", '"\\u001b[2J\\n"'),
    }
    for depth in depths:
        made[f"{depth} lists"] = b"[" * depth
        made[f"{depth} tables"] = b'{"a":' * depth
        for name, table in (
            ("notes", None), ("front_end", "ends"), ("eer", "measured"), ("schema", None),
        ):  # fmt: skip
            nested = "[" * depth + "]" * depth
            nested = f'{{"bins": {nested}}}' if name == "front_end" else nested
            made[f"{name} of {depth} lists"] = changed(name, nested, table)
    numbers = ("NaN", "Infinity", "-Infinity", "1e999", "-1", "1" + "0" * 400, "1" + "0" * 5000)
    for number in (*numbers, "true", "null", '""', "{}", "[]"):
        short = number if len(number) < 20 else f"of {len(number)} digits"
        for name, table in (
            ("eer", "measured"), ("bins", "network"), ("schema", None),
            ("embedding_size", "network"), ("task", None), ("decision", None),
        ):  # fmt: skip
            made[f"{name} {short}"] = changed(name, number, table)
        made[f"front end {short}"] = changed("front_end", f'{{"bins": {number}}}', "ends")
        if "scoring" in fields["decision"]:
            held = fields["decision"]["scoring"]
            for name in ("imposter_mean", *held):
                text = with_value(held, name, number)
                made[f"scoring's {name} {short}"] = changed("scoring", text, "decision")
        made[f"thresholds {short}"] = changed("thresholds", f'{{"eer": {number}}}', "decision")
        made[f"bits {short}"] = changed("bits", f'{{"a": {number}}}')
    return made


def forged(content: bytes, name: str) -> bytes:
    """The forgery of this name."""
    forger = Forger(content)
    forgeries(content)[name](forger)
    return forger.done()


# Opening.


def opened(path: pathlib.Path, *, embed: bool = True) -> str:
    """Opens a file and computes an embedding with it.

    Returns:
        "loaded", "computed" or "refused: …"; anything else is a defect.
    """
    try:
        embedder = TFLiteEmbedder(path)
    except InputError as error:
        message = str(error)
        if not message.startswith(f"{path}: ") or len(message.splitlines()) != 1:
            return f"badly said: {message!r:.300}"
        if len(message) > len(str(path)) + 300:
            return f"said at length: {message!r:.300}"
        return "refused: " + message[len(str(path)) + 2 :]
    except BaseException as error:
        return f"escaped: {type(error).__name__}: {str(error)!r:.300}"
    if not embed:
        return "loaded"
    try:
        embedder.embed(_LOUD)
    except InputError:
        return "loaded"
    except BaseException as error:
        return f"escaped from embed: {type(error).__name__}: {str(error)!r:.300}"
    return "computed"


FINE = ("refused", "loaded", "computed")


class Opener:
    """A process that opens files and is replaced when it dies.

    Use as a context manager.

    Args:
        model: The sound file; the process makes what it opens from it.
        megabytes: What it may allocate.
        seconds: What one file may take.
        embed: Whether it computes an embedding with what it could load.
    """

    def __init__(
        self,
        model: pathlib.Path,
        megabytes: int = MEGABYTES,
        seconds: float = SECONDS,
        *,
        embed: bool = True,
    ):
        self._command = [sys.executable, __file__, str(model), f"--megabytes={megabytes}"]
        self._command += [f"--embed={str(embed).lower()}"]
        self.seconds = seconds
        self._process: subprocess.Popen | None = None

    def __enter__(self) -> "Opener":
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def open(self, job: dict) -> str:
        """What opening came to; see `opened`.

        Args:
            job: `{"forgery": name}` or `{"seed": seed, "number": number}`.
        """
        if self._process is None:
            self._start()
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        answer = self._answer(self.seconds)
        if answer is None:
            return f"hung: no answer in {self.seconds:g} seconds"
        if answer:
            return json.loads(answer)
        self._process.wait()
        status = self._process.returncode
        said = self._errors.read_text(errors="replace").strip().splitlines()[-1:]
        self._end()
        return f"died: status {status} {said}"

    def _start(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._errors = pathlib.Path(self._folder.name, "errors")
        with self._errors.open("w") as errors:
            self._process = subprocess.Popen(
                [*self._command, f"--serve={self._folder.name}"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        if self._answer(60) != '"ready"\n':
            raise RuntimeError(f"no process to open files: {self._errors.read_text()}")

    def _answer(self, seconds: float) -> str | None:
        """A line; empty when the process died, None (and it is killed) when it says nothing."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            if not selector.select(seconds):
                self._process.kill()
                self._end()
                return None
        return self._process.stdout.readline()

    def _end(self) -> None:
        if self._process is not None:
            self._process.stdin.close()
            self._process.stdout.close()
            self._process.wait()
            self._process = None
            self._folder.cleanup()


def _serve(content: bytes, folder: pathlib.Path, megabytes: int, embed: bool) -> None:
    """Opens what the lines of the standard input ask for."""
    path = folder / "model.tflite"
    path.write_bytes(content)
    if not opened(path).startswith(FINE):  # loads what is loaded once
        raise InputError(f"{path}: cannot be opened")
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + (megabytes << 20)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    print(json.dumps("ready"), flush=True)
    made = forgeries(content)
    for line in sys.stdin:
        job = json.loads(line)
        if "forgery" in job:
            forger = Forger(content)
            made[job["forgery"]](forger)
            path.write_bytes(forger.done())
        else:
            path.write_bytes(mutant(content, job["seed"], job["number"]))
        print(json.dumps(opened(path, embed=embed)), flush=True)


def main(given: flags.FlagValues, arguments: list[str]) -> int:
    """Opens what the flags ask for and prints what must not be; 1 if something was printed."""
    if len(arguments) != 1:
        raise InputError("usage: hostile.py model.tflite [--seconds=600] [--seed=1]")
    path = pathlib.Path(arguments[0])
    try:
        content = path.read_bytes()
        made = forgeries(content)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a packed model ({error})") from error
    if given.serve is not None:
        _serve(content, pathlib.Path(given.serve), given.megabytes, given.embed)
        return 0
    jobs: Iterator[dict] = _jobs(list(made), given.seed, given.seconds)
    if given.number is not None:
        jobs = iter([{"seed": given.seed, "number": given.number}])
    counts: collections.Counter[str] = collections.Counter()
    with Opener(path, given.megabytes, embed=given.embed) as opener:
        for job in jobs:
            outcome = opener.open(job)
            counts[outcome.split(":")[0]] += 1
            if not outcome.startswith(FINE) or given.number is not None:
                print(f"{json.dumps(job)}: {outcome}", flush=True)
    print(", ".join(f"{count} {what}" for what, count in counts.most_common()))
    return 1 if set(counts) - set(FINE) else 0


def _jobs(names: list[str], seed: int, seconds: float) -> Iterator[dict]:
    """All forgeries, and mutants until the time is up."""
    end = time.monotonic() + seconds
    yield from ({"forgery": name} for name in names)
    number = 0
    while time.monotonic() < end:
        yield {"seed": seed, "number": number}
        number += 1


def _define(values: flags.FlagValues) -> None:
    flags.DEFINE_float("seconds", 60.0, "How long to go on.", lower_bound=0, flag_values=values)
    flags.DEFINE_integer("seed", 1, "Start of the random choices.", flag_values=values)
    flags.DEFINE_integer("number", None, "Open this mutant alone.", flag_values=values)
    flags.DEFINE_integer("megabytes", MEGABYTES, "What may be allocated.", flag_values=values)
    flags.DEFINE_bool("embed", False, "Compute an embedding with what loads.", flag_values=values)
    flags.DEFINE_string(
        "serve", None, "Serve another process from this folder; not for people.", flag_values=values
    )


if __name__ == "__main__":
    Command(
        "tests/hostile.py", __doc__, _define, main, takes_arguments=True, program="python"
    ).run()
