"""Checkpoints of trainings: a network among objects of all kinds, and several networks in one."""

import argparse
import collections
import datetime
import decimal
import enum
import functools
import http
import os
import pathlib
import pickle
import zipfile

import numpy as np
import pretrained_goldens as goldens
import pytest
import torch_writing
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch_writing import Call, Tensor, foreign, tensors

from tfsv.errors import InputError
from tfsv.models.checkpoints import read_checkpoint
from tfsv.models.pretrained import import_checkpoint
from tfsv.models.torch_files import read_torch

SMALL = goldens.GOLDENS / "resnet18.pt"
WANTED = goldens.EMBEDDINGS["small_resnet18"]


@pytest.fixture(scope="module")
def small():
    return read_checkpoint(SMALL).tensors


class Stage(enum.Enum):
    FIT = "fit"


def an_object(name, **state):
    made = foreign(name)()
    made.__dict__.update(state)
    return made


STEPS = Tensor(np.float32([3]))
OTHERS = {
    "namespace": argparse.Namespace(lr=1e-3, margins=[0.1, 0.2], root=pathlib.PurePosixPath("/x")),
    "version": Call("torch.torch_version.TorchVersion", "2.8.0"),
    "specification": an_object("pyannote.audio.core.task.Specifications", duration=2.0),
    "problem": Call("pyannote.audio.core.task.Problem", 1),
    "enums": [Stage.FIT, http.HTTPStatus.OK],
    "partial": functools.partial(int, base=2),
    "scalars": [np.float64(0.5), np.int64(3), np.float32(1), np.random.default_rng(0)],
    "arrays": np.arange(6).reshape(2, 3),
    "containers": [{1, 2}, frozenset("ab"), collections.Counter("aab"), b"x", bytearray(b"y"), 1j],
    "default": collections.defaultdict(list, {(0, 1): [None], 2.5: [...], None: []}),
    "time": [datetime.datetime(2024, 1, 2), decimal.Decimal("0.1"), 10**30],
    "config": an_object(
        "omegaconf.dictconfig.DictConfig", _content={"lr": 0.1}, _metadata=an_object("a.B")
    ),
    "size": [Call("torch.Size", (4, 2)), Call("torch.device", "cuda", 0), foreign("torch.Dtype")],
    "optimizer": {
        "state": {0: {"step": STEPS, "exp_avg": Tensor(np.ones((3, 3), "f4"))}},
        "param_groups": [{"lr": 0.1, "params": [0]}],
    },
    "optimizer_states": [{"state": {0: {"momentum_buffer": STEPS}}, "param_groups": []}],
    "callbacks": {"ModelCheckpoint": {"best_model_score": STEPS, "dirpath": "x"}},
    "subclass": Call(
        "torch._tensor._rebuild_from_type_v2",
        foreign("torch._utils._rebuild_tensor_v2"),
        foreign("torchvision.Boxes"),
        (),
        {},
    ),
    "sparse": Call("torch._utils._rebuild_sparse_tensor", foreign("torch.Layout"), ()),
}


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("legacy", [False, True])
def test_what_lies_beside_the_tensors_does_not_matter(small, tmp_path, other, legacy):
    path = tmp_path / "x.ckpt"
    value = {other: OTHERS[other], "state_dict": tensors(small)}
    torch_writing.save(path, value, legacy=legacy)
    found = read_checkpoint(path)
    assert found.key == "state_dict" and set(found.tensors) == set(small)
    for name, array in found.tensors.items():
        np.testing.assert_array_equal(array, small[name])


@pytest.mark.parametrize("protocol", range(1, 6))
@pytest.mark.parametrize("root", ["archive/", "avg_model/", "", "a/b/"])
def test_every_protocol_and_every_root(small, tmp_path, protocol, root):
    path = tmp_path / "x.pt"
    value = {"hyper_parameters": OTHERS, "net": {"weights": tensors(small)}}
    torch_writing.save(path, value, protocol=protocol, root=root)
    found = read_checkpoint(path)
    assert found.key == "net.weights" and set(found.tensors) == set(small)


@pytest.mark.parametrize(
    "key", ["model", "model_state", "model_state_dict", "net", "network.speaker", "ema_model"]
)
def test_the_network_is_found_wherever_it_lies(small, tmp_path, key):
    value = {f"module.{name}": Tensor(x) for name, x in small.items()}
    for word in reversed(key.split(".")):
        value = {word: value, "epoch": 3}
    torch_writing.save(tmp_path / "x.pt", value)
    imported = import_checkpoint(tmp_path / "x.pt", bins=16)
    assert imported.key == key
    found = imported.network(goldens.features(16)).numpy()
    assert goldens.worst_relative(found, WANTED) < 1e-4


def test_objects_that_hold_the_network(small, tmp_path):
    attributes = an_object("timm.Ema", decay=0.9, shadow=tensors(small))
    entries = torch_writing.Call("easydict.EasyDict")
    for value, key in (
        ({"ema": attributes}, "ema.shadow"),
        ({"list": [None, tensors(small)]}, "list.1"),
        ({"parameters": {n: Call("torch._utils._rebuild_parameter", Tensor(x), True, {})
                         for n, x in small.items()}, "easy": entries}, "parameters"),
    ):  # fmt: skip
        torch_writing.save(tmp_path / "x.pt", value)
        found = read_checkpoint(tmp_path / "x.pt")
        assert found.key == key and set(found.tensors) == set(small)


def module(arrays):
    """A network that was saved whole: `torch.save(model)`."""
    own, inner = {}, collections.defaultdict(dict)
    for name, array in arrays.items():
        first, _, rest = name.partition(".")
        if rest:
            inner[first][rest] = array
        else:
            own[name] = Tensor(array)
    buffers = {name: x for name, x in own.items() if name.startswith(("running", "num_"))}
    return an_object(
        "wespeaker.models.resnet.ResNet",
        training=False,
        _parameters={name: x for name, x in own.items() if name not in buffers} | {"unused": None},
        _buffers=buffers,
        _modules={name: module(part) for name, part in inner.items()},
    )


@pytest.mark.parametrize("legacy", [False, True])
def test_a_network_that_was_saved_whole(small, tmp_path, legacy):
    torch_writing.save(tmp_path / "x.pt", module(small), legacy=legacy)
    found = read_torch(tmp_path / "x.pt")
    assert set(found) == set(small)
    for name, array in found.items():
        np.testing.assert_array_equal(array, small[name])


@pytest.mark.parametrize(
    ("networks", "keys"),
    [
        ({"model": "", "ema": ""}, ["model", "ema"]),
        ({"state_dict.student.": "", "state_dict.teacher.": ""},
         ["state_dict.student", "state_dict.teacher"]),
        ({"": "", "averaged.": ""}, [".", "averaged"]),
        ({"model.": "", "model.ema.": ""}, ["model", "model.ema"]),
    ],
)  # fmt: skip
def test_several_networks_are_listed_and_one_is_chosen(small, tmp_path, networks, keys):
    path, value = tmp_path / "x.pt", {"epoch": 3}
    for index, place in enumerate(networks):
        own = {name: Tensor(x + index) for name, x in small.items()}
        prefix = place.removeprefix("state_dict.")
        if prefix.endswith(".") or not prefix:
            inside = value.setdefault("state_dict", {}) if "state_dict" in place else value
            inside.update({f"{prefix}{name}": x for name, x in own.items()})
        else:
            value[place] = own
    torch_writing.save(path, value)
    with pytest.raises(InputError, match="several networks") as refusal:
        read_checkpoint(path)
    assert f": {', '.join(keys)}; choose one by 'key'" in str(refusal.value)
    for index, key in enumerate(keys):
        found = read_checkpoint(path, key=key)
        assert found.key == key
        assert len(found.tensors) == len(small)
        (stem,) = [x for name, x in found.tensors.items() if f".{name}".endswith(".bn1.bias")][:1]
        np.testing.assert_array_equal(stem, small["bn1.bias"] + index)
    with pytest.raises(InputError, match=f"key=none: no tensors lie there.*{keys[1]}"):
        read_checkpoint(path, key="none")


def test_two_names_of_one_network_are_one(small, tmp_path):
    own = tensors(small)
    torch_writing.save(tmp_path / "x.pt", {"model": own, "ema": dict(own), "best": own})
    assert read_checkpoint(tmp_path / "x.pt").key == "model"


def test_tensors_that_share_numbers(tmp_path):
    numbers = np.arange(12, dtype="f4")
    views = {"all": numbers, "rows": numbers.reshape(3, 4), "columns": numbers.reshape(3, 4).T}
    views |= {"part": numbers[4:8], "half": np.arange(3, dtype="f2")}
    value = {
        name: Tensor(x, numbers if x.dtype == numbers.dtype else None) for name, x in views.items()
    }
    torch_writing.save(tmp_path / "x.pt", value)
    for name, array in read_torch(tmp_path / "x.pt").items():
        np.testing.assert_array_equal(array, views[name])


def test_what_is_left_out_was_named_by_the_key(small, tmp_path):
    value = {f"model.{name}": Tensor(x) for name, x in small.items()}
    value["loss_func.W"] = STEPS
    torch_writing.save(tmp_path / "x.ckpt", {"state_dict": value})
    with pytest.raises(
        InputError, match=r"place for loss_func\.W \[1\];.* state_dict\.model, .*'key'"
    ):
        import_checkpoint(tmp_path / "x.ckpt", bins=16)
    imported = import_checkpoint(tmp_path / "x.ckpt", bins=16, key="state_dict.model")
    assert "loss_func.W" in imported.ignored


def test_a_key_is_a_dictionary_or_words_before_names(small, tmp_path):
    value = {"a": tensors({f"module.{k}": x for k, x in small.items()}), "b": {"x": STEPS}}
    torch_writing.save(tmp_path / "x.pt", value)
    for key in (None, "a", "a.module"):
        found = read_checkpoint(tmp_path / "x.pt", key=key)
        assert found.key == (key or "a") and len(found.tensors) == len(small)
    assert set(read_checkpoint(tmp_path / "x.pt", key="b").tensors) == {"x"}
    for key in ("", "c", "a.mod", "a.module.conv1.weight"):
        with pytest.raises(InputError, match=f"key={key}: no tensors lie there; choose one of a"):
            read_checkpoint(tmp_path / "x.pt", key=key)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"optimizer": OTHERS["optimizer"]}, "an optimizer's state and no state dict"),
        ({"state_dict": {}}, "holds no state dict; save"),
        ({"args": argparse.Namespace()}, "no state dict, but 'argparse.Namespace', which is not"),
        (an_object("a.Net", layers=3), "no state dict, but 'a.Net'"),
        ({"weight": np.ones(3), "x": STEPS}, "'weight' is a 'numpy.*and no plain tensor"),
        ({"a.bias": Call("torch.Fake", 1), "x": STEPS}, "'a.bias' is a 'torch.Fake' and no plain"),
        ({"q": Call("torch._utils._rebuild_qtensor", 1), "x": STEPS}, "_rebuild_qtensor' and no"),
        ({"x": {"y": STEPS}, "z": {"y": Tensor(np.zeros(2, "f4"))}}, "several .*: x, z; choose"),
    ],
)
def test_what_holds_no_network_is_told_in_one_line(tmp_path, value, message):
    for legacy in (False, True):
        torch_writing.save(tmp_path / "x.pt", value, legacy=legacy)
        with pytest.raises(InputError, match=message) as refusal:
            read_torch(tmp_path / "x.pt")
        assert "\n" not in str(refusal.value) and "x.pt: " in str(refusal.value)


class Bomb:
    """Makes a folder when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("protocol", range(1, 6))
def test_code_beside_the_tensors_is_not_run(small, tmp_path, protocol):
    value = {"args": Bomb(tmp_path / "ran"), "state_dict": tensors(small)}
    torch_writing.save(tmp_path / "x.pt", value, protocol=protocol)
    assert set(read_torch(tmp_path / "x.pt")) == set(small)
    assert not (tmp_path / "ran").exists()
    plain = pickle.dumps(Bomb(tmp_path / "ran"), protocol=protocol)  # the pickle would run it
    pickle.loads(plain)
    assert (tmp_path / "ran").exists()


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data(), protocol=st.integers(1, 4))
def test_damaged_pickles_are_refused_in_one_line_or_read(tmp_path, data, protocol):
    value = {"others": OTHERS, "module": module({"a.weight": np.ones(3, "f4")}), "x": STEPS}
    content = bytearray(torch_writing.pickled(value, protocol)[0])
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
    path = tmp_path / "x.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x/data.pkl", bytes(content))
    with pytest.raises(InputError) as refusal:  # there are no numbers
        read_torch(path)
    assert "\n" not in str(refusal.value)


def test_keys_that_take_for_ever_to_hash_are_records(tmp_path):
    doubled = b"\x86q\x00h\x00h\x00" * 60
    forged = b"\x80\x02}(" + b"K\x01K\x01" + doubled + b"\x86K\x01u."
    with zipfile.ZipFile(tmp_path / "x.pt", "w") as archive:
        archive.writestr("x/data.pkl", forged)
    with pytest.raises(InputError, match="no state dict"):
        read_torch(tmp_path / "x.pt")
