import dataclasses
import hashlib
import json
import pathlib
import subprocess
import sys
import zlib

import hostile
import matplotlib.image
import numpy as np
import pytest
import tiny_networks
from command_runner import run_command

from tfsv.conversion.convert import convert
from tfsv.errors import InputError
from tfsv.packed import expand, flatbuffer, seal
from tfsv.runtime.expanding import write_expanded
from tfsv.runtime.inspection import inspect
from tfsv.runtime.model_files import printable
from tfsv.runtime.weights_picture import plot_histograms
from tfsv.verification.tflite_embedder import TFLiteEmbedder

FORMS = [
    ("packed", "int8_weights"),
    ("packed", "float32"),
    ("int8", "int8_weights"),
    ("float32", "float32"),
]


@dataclasses.dataclass
class Case:
    path: pathlib.Path
    conversion: object
    coded: dict


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    """A network with a 1 × 1, a dilated, a grouped and a depthwise layer, in all forms."""
    folder = tmp_path_factory.mktemp("models")
    made = {}
    network = tiny_networks.image_network()
    coded = tiny_networks.coded(network, 3, leave=("dilated",))
    coded["stem"] = dataclasses.replace(coded["stem"], error=0.125)
    card = tiny_networks.card()
    card.measured = {"eer": 0.0123, "min_dcf": 0.4567}
    card.decision = {"thresholds": {"far_0.01": 0.321}}
    card.notes = "one\nline \x1b[2J"
    for form in FORMS:
        conversion = convert(network, coded, card, tiny_networks.ends(), *form)
        path = folder / f"{form[0]}.{form[1]}.tflite"
        path.write_bytes(conversion.content())
        made[form] = Case(path, conversion, coded)
    return made


@pytest.fixture(params=FORMS, ids="-".join)
def case(request, cases):
    return cases[request.param]


def tool(*arguments):
    return run_command("inspect", *arguments)


def test_sizes_are_those_of_the_export(case):
    found = inspect(case.path)
    sizes = {layer.name: layer for layer in case.conversion.layers}
    assert {layer.name for layer in found.layers} == set(sizes)
    for layer in found.layers:
        wanted = sizes[layer.name]
        assert layer.weights == np.prod(wanted.shape) and layer.bits == wanted.bits
        assert (layer.codes, layer.codebook, layer.bias) == (
            wanted.weights,
            wanted.codebook,
            wanted.bias,
        )
        signs = found.stored == "packed" and layer.bits == 3 and found.compute == "int8_weights"
        channels = layer.shape[-1 if layer.name == "depthwise" else 0]
        assert layer.scales - wanted.scales in ({0, channels} if signs else {0}), layer.name
    kinds = found.bytes_by_kind()
    assert sum(kinds.values()) == found.size == case.path.stat().st_size
    assert all(size >= 0 for size in kinds.values())


def test_form_checksum_and_comparison(cases):
    for (stored, compute), case in cases.items():
        found = inspect(case.path)
        assert (found.stored, found.compute, found.checksum) == (stored, compute, "right")
        content = case.path.read_bytes()
        plain = expand.expand(content) if stored == "packed" else content
        assert found.sha256 == hashlib.sha256(plain).hexdigest()
        assert (found.expanded, found.zipped) == (len(plain), len(zlib.compress(plain, 9)))


@pytest.mark.parametrize("form", FORMS[:2])
def test_entropy_error_and_frequencies_are_those_of_the_codes(cases, form):
    case = cases[form]
    layers = {layer.name: layer for layer in inspect(case.path).layers}
    for name, coded in case.coded.items():
        values, counts = np.unique(coded.codes, return_counts=True)
        shares = counts / counts.sum()
        assert layers[name].entropy == pytest.approx(sum(shares * np.log2(1 / shares)))
        assert layers[name].entropy <= layers[name].bits
        np.testing.assert_array_equal(layers[name].counts[values], counts)
        if form[1] == "float32":
            np.testing.assert_array_equal(layers[name].levels, coded.codebook)
    assert layers["stem"].error == 0.125 and layers["embedding"].error is None
    assert (layers["dilated"].entropy is None) == (form[1] == "float32")


def test_a_float_kernel_has_bins_of_all_its_weights(cases):
    for layer in inspect(cases["float32", "float32"].path).layers:
        assert layer.counts.sum() == layer.weights and not layer.discrete
        assert layer.entropy is None


@pytest.mark.parametrize("form", FORMS[::3], ids="-".join)
def test_the_tool_prints_everything_in_lines(cases, form):
    path = cases[form].path
    done = tool(path)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "\x1b" not in done.stdout and r"notes       one\nline \x1b[2J" in lines
    assert "EER         1.23 %" in lines and "minDCF      0.4567" in lines
    assert "thresholds  far_0.01 0.3210" in lines and "checksum: right" in lines
    found = inspect(path)
    (total,) = (line for line in lines if line.startswith("6 layers"))
    assert f"{sum(x.codes for x in found.layers):,}" in total.split()
    assert f"kernels stored as {found.stored}, computes with {found.compute}" in lines
    assert f"file {found.size:,}" in [" ".join(line.split()) for line in lines]


def test_json_expanded_file_and_histogram_in_one_run(cases, tmp_path):
    path = cases[FORMS[0]].path
    plain, picture = tmp_path / "plain.tflite", tmp_path / "new" / "weights.png"
    done = tool(path, "--json", f"--expand={plain}", f"--histogram={picture}")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == json.loads(json.dumps(inspect(path).to_dict()))
    assert inspect(plain).stored == "int8"
    pixels = matplotlib.image.imread(picture)
    assert min(pixels.shape[:2]) > 300 and pixels.min() < 0.5


@pytest.mark.parametrize("form", FORMS[:2], ids="-".join)
def test_the_expanded_file_is_plain_and_the_same_model(cases, tmp_path, form):
    path, output = cases[form].path, tmp_path / "plain.tflite"
    assert write_expanded(path, output) == output.stat().st_size
    found, before = inspect(output), inspect(path)
    assert (found.compute, found.checksum) == (form[1], "right") and found.stored != "packed"
    assert found.card == before.card and not expand.is_packed(output.read_bytes())
    shapes = [[(x.name, x.shape) for x in inspected.layers] for inspected in (found, before)]
    assert shapes[0] == shapes[1]
    sound = np.random.default_rng(1).normal(0, 0.1, 9000).astype(np.float32)
    embeddings = [TFLiteEmbedder(p).embed(sound) for p in (output, path)]
    np.testing.assert_array_equal(*embeddings)


def test_histograms_of_any_number_of_layers_are_drawn(cases, tmp_path):
    layers = [*inspect(cases[FORMS[1]].path).layers, *inspect(cases[FORMS[3]].path).layers]
    for count in (1, 12):
        plot_histograms(layers[:count], tmp_path / "weights.png", "a $title")
        assert matplotlib.image.imread(tmp_path / "weights.png").min() < 0.5
    with pytest.raises(InputError, match="has no layers"):
        plot_histograms([], tmp_path / "none.png", "")


def test_a_wrong_checksum_is_said(cases, tmp_path):
    content = bytearray(cases[FORMS[0]].path.read_bytes())
    content[flatbuffer.find_metadata(content, seal.SEAL_ENTRY).start] ^= 1
    path = tmp_path / "changed.tflite"
    path.write_bytes(content)
    assert "was damaged or changed" in inspect(path).checksum
    with pytest.raises(InputError, match="changed.tflite: not a sound TFLite file"):
        write_expanded(path, tmp_path / "out.tflite")
    assert not (tmp_path / "out.tflite").exists()


def test_what_cannot_be_inspected_is_named(cases, tmp_path):
    text = tmp_path / "text.tflite"
    text.write_text("no model " * 20)
    with pytest.raises(InputError, match="text.tflite: not a TFLite file"):
        inspect(text)
    with pytest.raises(InputError, match="absent.tflite: does not exist"):
        inspect(tmp_path / "absent.tflite")
    with pytest.raises(InputError, match="has no packed layers"):
        write_expanded(cases[FORMS[3]].path, tmp_path / "out.tflite")


def test_bad_arguments_are_one_line(cases):
    packed = cases[FORMS[0]].path
    for arguments, message in (
        ([packed, "--expand=out.bin"], "error: --expand=out.bin: must end in .tflite"),
        ([packed, "--histogram=out.jpg"], "error: --histogram=out.jpg: must end in .png"),
        ([], "error: usage: tfsv inspect model.tflite [--expand=…] [--histogram=…]"),
    ):
        done = tool(*arguments)
        assert done.returncode == 1 and done.stderr.splitlines() == [message]


def test_forged_files_are_one_error_or_are_shown(cases, tmp_path):
    content = cases[FORMS[0]].path.read_bytes()
    path = tmp_path / "forged.tflite"
    refused = 0
    for number in range(150):
        path.write_bytes(hostile.mutant(content, 5, number))
        try:
            json.dumps(inspect(path).to_dict(), allow_nan=False)
        except InputError as error:
            assert str(error).startswith(f"{path}: ") and len(str(error).splitlines()) == 1
            refused += 1
    assert 0 < refused < 150


def test_nothing_moves_the_cursor():
    assert printable("ä\x1b\n\ud800") == r"ä\x1b\n\ud800"


def test_tensorflow_is_not_imported(cases):
    code = (
        "import sys\n"
        "from tfsv.runtime.inspection import inspect\n"
        f"inspect({str(cases[FORMS[0]].path)!r})\n"
        "assert not {'tensorflow', 'tf_keras'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
