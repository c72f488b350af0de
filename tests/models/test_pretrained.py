"""Files of other toolkits: what they come to, and what is refused."""

import json
import os
import pickle
import shutil
import struct
import zipfile

import numpy as np
import pretrained_goldens as goldens
import pytest
from command_runner import run_command
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tfsv.audio import soundfiles
from tfsv.errors import InputError
from tfsv.features import LogMel
from tfsv.models.checkpoints import Checkpoint, read_checkpoint
from tfsv.models.name_maps import LAYOUTS
from tfsv.models.pretrained import from_checkpoint, import_checkpoint
from tfsv.models.settings import NetworkSettings
from tfsv.models.torch_files import read_torch
from tfsv.tasks.model_folder import load_model
from tfsv.verification.model_card import network_of

SMALL = goldens.GOLDENS / "resnet18.pt"


def embeddings_of(imported):
    return imported.network(goldens.features(16)).numpy()


@pytest.fixture(scope="module")
def small_tensors():
    return read_checkpoint(SMALL).tensors


@pytest.mark.parametrize("file", ["resnet18.pt", "legacy.pt", "resnet18.onnx", "gemini60.onnx"])
def test_files_are_recognised_and_give_the_embeddings_of_pytorch(file):
    if file.endswith(".onnx"):
        pytest.importorskip("onnx")
    name = "gemini60" if "gemini" in file else "resnet18"
    bins = None if file.endswith(".onnx") else 16  # which the graph's input tells
    imported = import_checkpoint(goldens.GOLDENS / file, bins=bins)
    assert imported.family == f"wespeaker_{name}"
    wanted = goldens.EMBEDDINGS[f"small_{name}"]
    assert goldens.worst_relative(embeddings_of(imported), wanted) < 1e-4
    assert ("projection.weight" in imported.ignored) == (file == "legacy.pt")


def test_names_that_the_exporter_keeps(tmp_path):
    pytest.importorskip("onnx")
    imported = import_checkpoint(goldens.GOLDENS / "ecapa.onnx", "wespeaker_ecapa512")
    wanted = goldens.EMBEDDINGS["small_ecapa"]
    assert goldens.worst_relative(embeddings_of(imported), wanted) < 1e-4


def test_safetensors_and_the_vector_that_is_subtracted(small_tensors, tmp_path):
    numpy_files = pytest.importorskip("safetensors.numpy")
    tensors = {f"model.{name}": array for name, array in small_tensors.items()}
    tensors["mean_vec"] = np.arange(4, dtype=np.float32)
    numpy_files.save_file(tensors, tmp_path / "model.safetensors")
    found = embeddings_of(import_checkpoint(tmp_path / "model.safetensors", pooling="TSTP"))
    wanted = goldens.EMBEDDINGS["small_resnet18"] - np.arange(4)
    assert goldens.worst_relative(found, wanted) < 1e-4
    (tmp_path / "model.safetensors").write_bytes(b"\xff" * 100)
    with pytest.raises(InputError, match=r"model\.safetensors: not a safetensors file"):
        read_checkpoint(tmp_path / "model.safetensors")


def test_every_kind_of_number():
    tensors = read_torch(goldens.GOLDENS / "kinds.pt")
    numbers = np.arange(-6, 6).reshape(3, 4)
    for kind in ("double", "float", "half", "bfloat16"):
        assert tensors[kind].dtype == np.float32
        np.testing.assert_array_equal(tensors[kind], numbers)
    for kind, dtype in {"long": "i8", "int": "i4", "short": "i2", "char": "i1"}.items():
        assert tensors[kind].dtype == dtype
        np.testing.assert_array_equal(tensors[kind], numbers)
    np.testing.assert_array_equal(tensors["bool"], numbers != 0)
    np.testing.assert_array_equal(tensors["byte"], abs(numbers).ravel())
    np.testing.assert_array_equal(tensors["transposed"], numbers.T)
    np.testing.assert_array_equal(tensors["part"], numbers[1:, 2])
    assert tensors["scalar"].shape == () and tensors["scalar"] == 2.5


def test_everything_that_does_not_fit_is_listed(small_tensors):
    tensors = dict(small_tensors)
    del tensors["bn1.running_var"], tensors["layer3.0.shortcut.0.weight"]
    tensors["seg_2.weight"] = np.ones((4, 4), "f4")
    tensors["layer1.0.conv1.weight"] = np.ones((1, 1, 5, 5), "f4")
    with pytest.raises(InputError) as refusal:
        from_checkpoint(Checkpoint(tensors), "x.pt", "wespeaker_resnet18")
    assert str(refusal.value) == (
        "x.pt: does not fit wespeaker_resnet18: it has no place for seg_2.weight [4, 4];"
        " the file lacks bn1.running_var [1], layer3.0.shortcut.0.weight [4, 2, 1, 1];"
        " of other shape are layer1.0.conv1.weight [1, 1, 5, 5] instead of [1, 1, 3, 3]"
        "; if embeddings do not need these, name them in 'leave_out'"
    )


@pytest.mark.parametrize("wrapper", ["", "module."])
def test_tensors_of_a_training_go_only_by_name(small_tensors, wrapper):
    spare = {"projection_head.mlp.0.weight": np.ones((3, 4), "f4"), "queue": np.ones(5, "f4")}
    tensors = {f"{wrapper}{name}": x for name, x in {**small_tensors, **spare}.items()}
    with pytest.raises(
        InputError, match=r"no place for projection_head\.mlp.*, queue.*'leave_out'"
    ):
        from_checkpoint(Checkpoint(tensors), "x.pt", bins=16)
    with pytest.raises(InputError, match=r"no place for queue"):
        from_checkpoint(Checkpoint(tensors), "x.pt", bins=16, leave_out=["projection_head"])
    imported = from_checkpoint(
        Checkpoint(tensors), "x.pt", bins=16, leave_out=["projection_head", "queue"]
    )
    assert set(spare) < set(imported.ignored)
    wanted = goldens.EMBEDDINGS["small_resnet18"]
    assert goldens.worst_relative(embeddings_of(imported), wanted) < 1e-4
    for absent in ("projection", "queue.x", ""):
        with pytest.raises(InputError, match=rf"^x\.pt: leave_out={absent}: no tensor has"):
            from_checkpoint(Checkpoint(tensors), "x.pt", bins=16, leave_out=[absent])
    with pytest.raises(InputError, match="lacks bn1"):
        from_checkpoint(Checkpoint(tensors), "x.pt", bins=16, leave_out=[*spare, "bn1"])


def test_another_depth_is_refused_in_one_line(small_tensors):
    with pytest.raises(InputError, match=r"lacks layer1\.2\.conv1\.weight \[1, 1") as refusal:
        from_checkpoint(Checkpoint(small_tensors), "x.pt", "wespeaker_resnet34")
    assert "\n" not in str(refusal.value)


def test_unknown_names_and_families(small_tensors, tmp_path):
    with pytest.raises(InputError, match=r"x\.pt: .*a\.weight.* no family that is known"):
        from_checkpoint(Checkpoint({"a.weight": np.ones(3)}), "x.pt")
    with pytest.raises(InputError, match="^family=resnet18: unknown; choose one of wespeaker_"):
        import_checkpoint(SMALL, "resnet18")
    with pytest.raises(InputError, match=r"absent\.pt: cannot be read"):
        import_checkpoint(tmp_path / "absent.pt")
    with pytest.raises(InputError, match="cannot be read"):
        import_checkpoint(tmp_path)
    (tmp_path / "x.pt").write_bytes(b"no checkpoint")
    with pytest.raises(InputError, match=r"x\.pt: broken or of an unknown kind"):
        import_checkpoint(tmp_path / "x.pt")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.pt", b"version https://git-lfs.github.com/spec/v1\nsize 9\n", "run `git lfs pull`"),
        ("x.onnx", b"<!DOCTYPE html><html>Not found</html>", "a web page .* download it again"),
        ("x.safetensors", b"\x1f\x8b\x08" + bytes(60), "compressed by gzip; unpack it"),
        ("x.ckpt", b"", "empty; download or copy it again"),
        ("x.h5", b"\x89HDF\r\n\x1a\n" + bytes(60), "an HDF5 file"),
        ("x.pt", b"\x1c\0\0\0TFL3" + bytes(60), "a TFLite file, whose network is exported"),
        ("x.pt", pickle.dumps({"x": 1}), "a pickle that PyTorch did not save"),
        ("x-00001-of-00002.safetensors", bytes(60), "one of 2 parts of a checkpoint"),
    ],
)
def test_files_of_other_kinds_are_told(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=f"{name}: .*{message}") as refusal:
        import_checkpoint(tmp_path / name)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("name", ["A.PT", "A.ONNX", "onnx.pt", "A.SAFETENSORS", "weights.bin"])
def test_endings_and_their_case_do_not_matter(small_tensors, tmp_path, name):
    pytest.importorskip("onnx")
    if "onnx" in name.lower():
        shutil.copy(goldens.GOLDENS / "resnet18.onnx", tmp_path / name)
    elif name == "A.PT":
        shutil.copy(SMALL, tmp_path / name)
    else:
        save = pytest.importorskip("safetensors.numpy").save_file
        save(small_tensors, tmp_path / name, metadata={"format": "pt"})
    imported = import_checkpoint(tmp_path / name, bins=16)
    wanted = goldens.EMBEDDINGS["small_resnet18"]
    assert goldens.worst_relative(embeddings_of(imported), wanted) < 1e-4


def zipped(path, pickled, storages=(), compression=zipfile.ZIP_STORED):
    """A zip file as PyTorch writes it, around any pickle."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("archive/data.pkl", pickled)
        for key, numbers in enumerate(storages):
            archive.writestr(f"archive/data/{key}", numbers)


def text(value):
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def whole(value):
    return b"J" + struct.pack("<i", value)


def one_tensor(shape, strides, offset=0, elements=4, key="0", kind="FloatStorage"):
    """The pickle of {"x": a tensor}."""
    storage = b"(" + text("storage") + b"ctorch\n" + kind.encode() + b"\n" + text(key)
    storage += text("cpu") + whole(elements) + b"tQ"
    sizes = b"".join(b"(" + b"".join(map(whole, axes)) + b"t" for axes in (shape, strides))
    tensor = b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + whole(offset) + sizes
    return b"\x80\x02}" + text("x") + tensor + b"\x89ccollections\nOrderedDict\n)RtRs."


def test_a_forged_tensor_must_lie_within_its_numbers(tmp_path):
    path = tmp_path / "x.pt"
    numbers = np.arange(4, dtype="<f4").tobytes()
    zipped(path, one_tensor([2, 2], [1, 2]), [numbers])
    np.testing.assert_array_equal(read_torch(path)["x"], [[0, 2], [1, 3]])
    for forged in (
        one_tensor([2, 3], [3, 1]),
        one_tensor([2, 2], [2, 1], offset=1),
        one_tensor([2, 2], [2, 1], offset=-1),
        one_tensor([2, 2], [-2, 1], offset=2),
        one_tensor([2**31 - 1] * 4, [0] * 4),
        one_tensor([4], [1], elements=2**31 - 1, offset=2**30),
        one_tensor([8], [1], elements=8),
        one_tensor([0], [1]),
        one_tensor([2, 2], [2]),
        one_tensor([4], [1], key="1"),
        one_tensor([4], [1], key="../data.pkl"),
        one_tensor([4], [1], kind="UntypedStorage"),
    ):
        zipped(path, forged, [numbers])
        with pytest.raises(InputError, match=r"x\.pt: ") as refusal:
            read_torch(path)
        assert "\n" not in str(refusal.value)


class Bomb:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("protocol", range(2, 5))
@pytest.mark.parametrize("legacy", [False, True])
def test_code_in_a_pickle_is_named_and_not_run(tmp_path, protocol, legacy):
    path = tmp_path / "x.pt"
    pickled = pickle.dumps({"state_dict": Bomb(tmp_path / "ran")}, protocol=protocol)
    if legacy:
        start = [0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}]
        path.write_bytes(b"".join(pickle.dumps(x, protocol=2) for x in start) + pickled)
    else:
        zipped(path, pickled)
    with pytest.raises(InputError, match=r"holds no state dict, but '(posix|nt)\.mkdir'"):
        read_torch(path)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("pickled", "message"),
    [
        (b"(S'x'\nios\nsystem\n.", "'os.system'"),
        (b"\x80\x02cbuiltins\neval\n.", "builtins.eval"),
        (b"\x80\x02ccollections\nOrderedDict\n)\x81.", "no state dict;"),
        (b"\x80\x02ccollections\nOrderedDict\n}b.", "BUILD"),
        (b"\x80\x02ctorch\nFloatStorage\n)R.", "'torch.FloatStorage'"),
        (b"\x80\x02X\x01\x00\x00\x00x)R.", "no function"),
        (b"\x80\x02\x82\x01.", "EXT1"),
        (b"\x80\x02}))s.", "no state dict;"),
        (b"\x80\x02]K\x01K\x02s.", "no dictionary"),
        (b"\x80\x02}K\x01a.", "no list"),
        (b"\x80\x02j\xff\xff\xff\xff.", "broken or cut off"),
        (b"\x80\x02Nr\xff\xff\xff\xff.", "no state dict"),
        (b"\x80\x02X\xff\xff\xff\x7fa.", "broken or cut off"),
        (b"\x80\x02\x8b\xff\xff\xff\x7f1.", "broken or cut off"),
        (b"\x80\x02\x86.", "takes more than it has"),
        (b"\x80\x02t.", "broken or cut off"),
        (b"\x80\x02}", "broken or cut off"),
        (b"\x80\x02(lp0\n.", "no state dict;"),
        (b"\x80\x02}.", "no state dict;"),
        (b"\x80\x02K\x01.", "no state dict;"),
        (b"\x80\x02K\x01Q.", "broken or cut off"),
        (b"", "broken or cut off"),
        (b"N" * (2**24 + 1), "larger than any"),
    ],
)
def test_a_pickle_of_anything_else_is_refused(tmp_path, pickled, message):
    zipped(tmp_path / "x.pt", pickled)
    with pytest.raises(InputError, match=message) as refusal:
        read_torch(tmp_path / "x.pt")
    assert "\n" not in str(refusal.value) and "x.pt: " in str(refusal.value)


def test_archives_that_pytorch_does_not_write(tmp_path):
    path = tmp_path / "x.pt"
    zipped(path, one_tensor([4], [1]), [bytes(2**26)], zipfile.ZIP_DEFLATED)
    with pytest.raises(InputError, match="compressed"):
        read_torch(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("m/data.pkl", b"\x80\x02}.")
        archive.writestr("m/code/__torch__.py", "")
    with pytest.raises(InputError, match="TorchScript"):
        read_torch(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("word/document.xml", "")
    with pytest.raises(InputError, match="no state dict of PyTorch"):
        read_torch(path)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
@pytest.mark.parametrize("file", ["kinds.pt", "legacy.pt", "resnet18.onnx"])
def test_damaged_files_are_refused_in_one_line_or_read(tmp_path, file, data):
    if file.endswith(".onnx"):
        pytest.importorskip("onnx")
    content = bytearray((goldens.GOLDENS / file).read_bytes())
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    for _ in range(data.draw(st.integers(0, 4)) if content else 0):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
    path = tmp_path / f"damaged{os.path.splitext(file)[1]}"
    path.write_bytes(content)
    try:
        checkpoint = read_checkpoint(path)
    except InputError as error:
        assert str(path) in str(error) and "\n" not in str(error)
    else:
        assert all(isinstance(array, np.ndarray) for array in checkpoint.tensors.values())


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_no_numbers_are_refused(tmp_path, value):
    zipped(tmp_path / "x.pt", one_tensor([4], [1]), [np.full(4, value, "<f4").tobytes()])
    with pytest.raises(InputError, match="'x' has NaN or infinity"):
        read_checkpoint(tmp_path / "x.pt")


def test_the_command_writes_a_folder_that_loads(tmp_path):
    arguments = [f"--checkpoint={SMALL}", "--output=model", "--trained_on=noise", "--bins=16"]
    done = run_command("import", *arguments, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "model: wespeaker_resnet18, 1 channels, 16 mel filters" in done.stdout
    network, card = load_model(tmp_path / "model")
    found = network(goldens.features(16)).numpy()
    assert goldens.worst_relative(found, goldens.EMBEDDINGS["small_resnet18"]) < 1e-4
    assert card.ends == {"front_end": LogMel(bins=16).settings()}
    assert network_of(card) == NetworkSettings("resnet18", 1, 16, 4, "tstp")
    assert card.trained_on == "noise" and "resnet18.pt" in card.notes
    assert json.loads((tmp_path / "model" / "card.json").read_text())["bits"] == {}


def speechbrain_features(waveform):
    """SpeechBrain's Fbank with 80 filters, as its documentation and settings define it.

    Natural logarithms and less their mean, as its networks get them here; the frame t is centred
    at sample 160 t.
    """
    starts = np.arange(0, len(waveform), 160)[:, np.newaxis]
    frames = np.pad(waveform, (200, 600))[starts + np.arange(400)]
    window = 0.54 - 0.46 * np.cos(2 * np.pi * np.arange(400) / 400)
    power = np.abs(np.fft.rfft(frames * window)) ** 2
    mel = np.linspace(0, 2595 * np.log10(1 + 8000 / 700), 82)
    hertz = 700 * (10 ** (mel / 2595) - 1)
    width = np.diff(hertz)[:-1]
    slopes = (np.linspace(0, 8000, 201)[:, np.newaxis] - hertz[1:-1]) / width
    decibels = 10 * np.log10(np.maximum(power @ np.maximum(0, 1 - np.abs(slopes)), 1e-10))
    decibels = np.maximum(decibels, decibels.max() - 80)
    return (decibels - decibels.mean(0)) * np.log(10) / 10


def test_the_front_end_comes_near_that_of_speechbrain(real_speech):
    layouts = {layout.toolkit: layout for layout in LAYOUTS if "kind" not in layout.front_end}
    for path in real_speech.some_files(6):
        waveform = soundfiles.read(path)
        wanted = speechbrain_features(waveform)[1:]  # ours start 25 ms long, at sample 0
        correlations = {}
        for toolkit, layout in layouts.items():
            found = LogMel(**{**layout.front_end, "silence_db": None})(waveform[np.newaxis])[
                0
            ].numpy()[: len(wanted)]
            pair = found.ravel(), wanted[: len(found)].ravel()
            correlations[toolkit] = np.corrcoef(*pair)[0, 1]
        assert correlations["speechbrain"] > max(0.93, correlations["wespeaker"]), path


def test_garbage_sizes_build_no_giant(small_tensors):
    tensors = {
        **small_tensors,
        "conv1.weight": np.zeros((10**6, 1, 3, 3), "f4"),
        "seg_1.weight": np.zeros((10**6, 2), "f4"),
    }
    with pytest.raises(InputError, match=r"seg_1.weight \[1000000, 2\] instead of \[256, 5120\]"):
        from_checkpoint(Checkpoint(tensors), "x.pt", "wespeaker_resnet18")


def test_speechbrain_says_that_its_features_are_others():
    imported = from_checkpoint(
        Checkpoint(goldens.state_dict("speechbrain_narrow")), "x.pt", "speechbrain_ecapa1024"
    )
    assert "SpeechBrain's Fbank" in imported.notes
    settings_ = LogMel(**imported.front_end).settings()
    assert (settings_["preemphasis"], settings_["low_hz"], settings_["bins"]) == (0, 0, 72)


def test_numbers_that_numpy_has_not_are_named(tmp_path):
    pytest.importorskip("safetensors.numpy")
    table = {"conv1.weight": {"dtype": "F8_E4M3", "shape": [4], "data_offsets": [0, 4]}}
    header = json.dumps(table).encode()
    path = tmp_path / "model.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    with pytest.raises(InputError, match="its numbers are float8_e4m3fn, which is not read"):
        read_checkpoint(path)
