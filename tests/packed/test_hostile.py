import collections
import math
import pathlib
import re
import struct
import tracemalloc

import hostile
import numpy as np
import pytest
import tiny_networks

from tfsv.conversion.convert import convert
from tfsv.packed import bits, expand, flatbuffer, record, seal
from tfsv.quantization.coded import CodedWeights

FORMAT = pathlib.Path(__file__).resolve().parents[2] / "docs" / "packed_format.md"
SEED = 3
GRAPH_MEGABYTES = 1536
"""What a process may take that runs forged graphs, each of which may need `LARGEST_MEMORY`."""
FUZZED = [("image", "int8_weights"), ("time", "float32")]


def packed(network, first, compute):
    """A packed file whose layers have widths that count up from `first`."""
    random = np.random.default_rng(first)
    coded, width = {}, first - 1
    for layer in network.layers:
        if not hasattr(layer, "kernel") and not hasattr(layer, "depthwise_kernel"):
            continue
        kernel, *rest = layer.get_weights()
        width = width % 8 + 1
        codebook = np.sort(random.normal(0, 0.2, 2**width)).astype(np.float32)
        codes = random.integers(0, 2**width, kernel.shape, np.uint8)
        coded[layer.name] = CodedWeights(codes, codebook, width, error=0.5 / width)
        layer.set_weights([coded[layer.name].decode(), *rest])
    card, ends = tiny_networks.card(), tiny_networks.ends()
    cohort = random.integers(-127, 128, (6, tiny_networks.EMBEDDING)).astype(np.int8)
    measure = {"weight": -0.5, "lowest": 1.0, "typical": 2.0, "highest": 4.0}
    card.decision["scoring"] = {
        "cohort": 6, "top": 3, "offset": -2.0, "score": 1.5, "duration": measure,
        "level": measure, "thresholds": {"far_0.01": 2.5},
    }  # fmt: skip
    return convert(network, coded, card, ends, "packed", compute).content(cohort=cohort)


@pytest.fixture(scope="module")
def contents():
    """Packed files; together they have all widths as int8 and as float32, and all planes."""
    return {
        ("image", "float32"): packed(tiny_networks.image_network(), 1, "float32"),
        ("image", "int8_weights"): packed(tiny_networks.image_network(), 4, "int8_weights"),
        ("time", "float32"): packed(tiny_networks.time_network(), 6, "float32"),
        ("time", "int8_weights"): packed(tiny_networks.time_network(), 1, "int8_weights"),
    }


@pytest.fixture(scope="module")
def content(contents):
    return contents["image", "int8_weights"]


def outcomes(path, contents):
    """What opening each came to, without the words."""
    found = set()
    for changed in contents:
        path.write_bytes(changed)
        found.add(hostile.opened(path, embed=False).split(":")[0])
    return found


def test_a_file_cut_anywhere_is_refused(content, tmp_path):
    cuts = hostile.cuts(content, header=512, places=1000, seed=SEED)
    assert outcomes(tmp_path / "cut.tflite", cuts) == {"refused"}


def test_ten_thousand_files_with_bits_turned_over_are_refused(content, tmp_path):
    flipped = [*hostile.flips(content, count=500, seed=SEED)]
    assert outcomes(tmp_path / "flipped.tflite", flipped) == {"refused"}
    for changed in hostile.flips(content, count=10_000, seed=SEED):
        with pytest.raises(ValueError, match="checksum|damaged flatbuffer"):
            seal.check(changed)


def test_forged_files_are_refused_or_load(contents, tmp_path):
    refused = 0
    for form in FUZZED:
        path = tmp_path / "model.tflite"
        path.write_bytes(contents[form])
        with hostile.Opener(path, embed=False) as opener:
            for name in hostile.forgeries(contents[form]):
                outcome = opener.open({"forgery": name})
                assert outcome.startswith(hostile.FINE), (name, outcome)
                refused += outcome.startswith("refused")
    assert refused > 500


@pytest.mark.parametrize(
    "name, reason",
    [
        ("declared size of 4 GB", "instead of the declared 4294967295"),
        ("declared size too large by one", "would expand to"),
        ("0 bits", "layers of 0 bits"),
        ("9 bits", "layers of 9 bits"),
        ("no layers", "group of 0 layers"),
        ("record of a later version", "packed in format 2; this tfsv reads format 1"),
        ("record of 20 bytes", "damaged record"),
        ("codebook in tensor 65534", "entry 65534 of"),
        ("codebook of shape one less", "wrong size"),
        ("codebook of 0 bytes", "wrong size"),
        ("codes of 65536 bytes", "wrong size"),
        ("codes of 4294967295 bytes that are not there", "lies outside the file"),
        ("kernel of shape giant", "impossible type or size|wrong size"),
        ("kernel of shape negative", "impossible shape"),
        ("no decoding operators", "0 decoding operators of"),
        ("more decoding operators than all", "65535 decoding operators of"),
        ("255 layers", "packed layers that repeat"),
        ("spare buffer that is used", "no place for expanded layers"),
        ("buffers at an offset of 4294967295", "out of the file"),
        ("a checksum of 31 bytes", "has no checksum"),
        ("card: eer of 401 digits", "too large"),
        ("card: front_end of 5000 lists", "nested too deeply"),
        ("card: eer NaN", "'measured' of the model card must be a finite number"),
        ("card: not UTF-8", "utf-8"),
        ("card: scoring's thresholds NaN", "must be a finite number"),
        ("cohort of 65535 vectors", "cohort of 48 bytes instead of 65535 × 8"),
        ("cohort of zeros", "one of zeros"),
        ("cohort of a later version", "cohort in format 2; this tfsv reads format 1"),
    ],
)
def test_the_reason_is_given(content, tmp_path, name, reason):
    path = tmp_path / "model.tflite"
    path.write_bytes(hostile.forged(content, name))
    outcome = hostile.opened(path)
    assert outcome.startswith("refused") and re.search(reason, outcome), outcome


def test_mutants_with_a_right_checksum_are_refused_or_load(contents, tmp_path):
    for form in FUZZED:
        path = tmp_path / "model.tflite"
        path.write_bytes(contents[form])
        found = set()
        with hostile.Opener(path, embed=False) as opener:
            for number in range(500):
                outcome = opener.open({"seed": SEED, "number": number})
                assert outcome.startswith(hostile.FINE), (form, number, outcome)
                found.add(outcome.split(":")[0])
        assert found == {"refused", "loaded"}


@pytest.mark.parametrize("kind, form, number", [("graph", 0, 150), ("lone", 1, 400)])
def test_forged_graphs_are_refused_or_run(contents, tmp_path, kind, form, number):
    path = tmp_path / "model.tflite"
    path.write_bytes(contents[FUZZED[form]])
    found = collections.Counter()
    with hostile.Opener(path, megabytes=GRAPH_MEGABYTES) as opener:
        for place in range(number):
            outcome = opener.open({"kind": kind, "seed": SEED, "number": place})
            assert outcome.startswith(hostile.FINE), (kind, place, outcome)
            found[outcome.split(":")[0]] += 1
    assert found["refused"] > number / 3 and found["computed"] > number / 20, found


def test_a_dead_or_silent_process_is_noticed(content, tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(content)
    with hostile.Opener(path, megabytes=1, embed=False) as opener:
        assert not opener.open({"forgery": "a layer of 8 MB of codes"}).startswith(hostile.FINE)
    with hostile.Opener(path, seconds=1e-5, embed=False) as opener:
        assert opener.open({"seed": 1, "number": 1}).startswith("hung")
        opener.seconds = hostile.SECONDS
        assert opener.open({"seed": 1, "number": 1}).startswith(hostile.FINE)


def test_expansion_takes_no_more_than_twice_what_is_declared(content):
    huge = hostile.forged(content, "a layer of 8 MB of codes")
    declared = expand.packed_record(huge).expanded
    assert declared > 16 << 20
    tracemalloc.start()
    try:
        expand.expand(huge)
        assert tracemalloc.get_traced_memory()[1] < 2 * declared + (14 << 20)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "inputs, outputs", [([], [0]), ([0], []), ([0, -1], [0]), ([0, 0, -2], [0]), ([9999], [0])]
)
def test_operators_of_which_an_interpreter_would_die_are_refused(
    content, tmp_path, inputs, outputs
):
    model = flatbuffer.parse(expand.expand(content))
    flatbuffer.set_metadata(model, seal.SEAL_ENTRY, seal.BLANK)
    model.metadata = [x for x in model.metadata if x.name != record.RECORD_ENTRY.encode()]
    path = tmp_path / "model.tflite"
    path.write_bytes(seal.seal(flatbuffer.serialise(model)))
    assert hostile.opened(path) == "computed"
    operator = model.subgraphs[0].operators[3]
    operator.inputs, operator.outputs = np.array(inputs, np.int32), np.array(outputs, np.int32)
    path.write_bytes(seal.seal(flatbuffer.serialise(model)))
    assert "not made by tfsv (operator 3, CONV_2D: " in hostile.opened(path)


def test_seal_names_a_file_without_the_entry(content):
    model = flatbuffer.parse(content)
    model.metadata = [x for x in model.metadata if x.name != seal.SEAL_ENTRY.encode()]
    with pytest.raises(ValueError, match="has no checksum"):
        seal.seal(flatbuffer.serialise(model))


# docs/packed_format.md, followed literally.


def by_the_book(content):
    """The expanded model, from structs and loops only."""
    at = {form: lambda p, f=form: struct.unpack_from("<" + f, content, p)[0] for form in "HiIb"}

    def slot(table, field):
        layout = table - at["i"](table)
        inside = 4 + 2 * field < at["H"](layout)
        offset = at["H"](layout + 4 + 2 * field) if inside else 0
        return table + offset if offset else None

    def number(table, field, form="I"):
        return 0 if slot(table, field) is None else at[form](slot(table, field))

    def follow(place):
        return place + at["I"](place)

    def vector(table, field, size=1):
        """Each element's position."""
        start = follow(slot(table, field))
        return [start + 4 + size * i for i in range(at["I"](start))]

    model = at["I"](0)
    (graph,) = map(follow, vector(model, 2, 4))
    tensors = [*map(follow, vector(graph, 0, 4))]
    buffers = [*map(follow, vector(model, 4, 4))]
    operators = vector(graph, 3, 4)

    def data(buffer):
        places = vector(buffers[buffer], 0)
        return content[places[0] : places[-1] + 1] if places else b""

    def values(tensor):
        kind = {0: "f", 3: "B", 9: "b"}[number(tensors[tensor], 1, "b")]
        raw = data(number(tensors[tensor], 2))
        return struct.unpack(f"<{len(raw) // struct.calcsize(kind)}{kind}", raw), kind

    entries = {}
    for entry in map(follow, vector(model, 6, 4)):
        name = bytes(content[p] for p in vector(entry, 0)).decode()
        entries.setdefault(name, data(number(entry, 1)))
    written = entries["tfsv.packed"]
    magic, version, groups, decoding, spare, size = struct.unpack_from("<4sHHHHI", written)
    assert (magic, version) == (b"TFSV", 1)
    start = follow(slot(buffers[spare], 0)) + 4
    out = bytearray(size)
    out[:start] = content[:start]

    def write(place, value):
        struct.pack_into("<I", out, place, value)

    position, d, layer, blanked = 16, start + 16, 0, []
    for _ in range(groups):
        width, layers, codebook, scale = struct.unpack_from("<BBHH", written, position)
        position += 6
        widths = [[1], [2], [2, 1], [4], [4, 1], [4, 2], [4, 2, 1], [8]][width - 1]
        planes = struct.unpack_from(f"<{len(widths)}H", written, position)
        position += 2 * len(widths)
        centroids, kind = values(codebook)
        held = [values(plane)[0] for plane in planes]
        factors = () if scale == 65535 else values(scale)[0]
        for row in range(layers):
            kernel, _ = struct.unpack_from("<Hf", written, position)
            position += 6
            shape = [at["i"](p) for p in vector(tensors[kernel], 0, 4)]
            count = math.prod(shape)
            decoded = []
            for j in range(count):
                code, shift = 0, 0
                for plane, w in zip(held, widths, strict=True):
                    byte = plane[row * -(-count * w // 8) + j * w // 8]
                    code |= (byte >> w * (j % (8 // w)) & (1 << w) - 1) << shift
                    shift += w
                value = centroids[(row << width) + code]
                if scale != 65535:
                    _, rows, columns = (at["i"](p) for p in vector(tensors[scale], 0, 4))
                    channel = j * rows // count if columns == 1 else j % columns
                    value *= factors[row * rows * columns + channel]
                    if kind == "b":
                        value = (value + 128) % 256 - 128
                decoded.append(value)
            raw = struct.pack(f"<{count}{kind}", *decoded)
            write(d - 4, len(raw))
            out[d : d + len(raw)] = raw
            place = slot(buffers[spare + layer], 0)
            write(place, d - 4 - place)
            write(slot(tensors[kernel], 2), spare + layer)
            d += 16 + -(-len(raw) // 16) * 16
            layer += 1
        blanked += planes
    for tensor in blanked:
        place = slot(buffers[number(tensors[tensor], 2)], 0)
        write(place, start - 4 - place)
        write(slot(tensors[tensor], 2), 0)
    v = operators[0] - 4
    write(slot(graph, 3), v + 4 * decoding - slot(graph, 3))
    write(v + 4 * decoding, len(operators) - decoding)
    assert position == len(written) and d - 16 == size
    return bytes(out)


def test_the_specification_gives_the_same_bytes(contents, monkeypatch):
    widths = set()
    for (_, compute), held in contents.items():
        wanted = by_the_book(held)
        assert expand.expand(held) == wanted
        with monkeypatch.context() as patch:
            patch.setattr(expand, "_PIECE", 8)
            assert expand.expand(held) == wanted
        widths |= {(compute, group.bits) for group in expand.packed_record(held).groups}
    assert widths == {(c, b) for c in ("float32", "int8_weights") for b in range(1, 9)}


def test_the_example_of_the_specification():
    text = FORMAT.read_text()
    blocks = re.findall(r"(?m)(?:^    .*\n)+", text[text.index("## An example") :])
    codes = np.array(blocks[0].split(), np.uint8)
    planes = [line.split("bit")[1].lstrip("s").strip() for line in blocks[1].splitlines()]
    assert [plane.tobytes().hex(" ") for plane in bits.pack(codes, 3)] == planes
    group = record.Group(3, 9, 10, (7, 8), (4,), (1 / 32,))
    held = record.Record((group,), decoding=6, spare=12, expanded=4660)
    assert held.to_bytes().hex(" ") == " ".join(blocks[2].split())
    codebook = np.array([-127, -80, -45, -14, 14, 45, 80, 127], np.int8)
    kernel = codebook[codes].reshape(2, 5) * np.array([[1], [-1]], np.int8)
    assert kernel.tobytes().hex(" ") == " ".join(blocks[3].split())
