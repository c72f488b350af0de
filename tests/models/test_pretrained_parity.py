"""Embeddings of imported weights are those of PyTorch."""

import json
import pathlib
import subprocess
import sys

import numpy as np
import pretrained_goldens as goldens
import pytest

from tfsv.models.checkpoints import Checkpoint
from tfsv.models.name_maps import FAMILIES, LAYOUTS
from tfsv.models.pretrained import from_checkpoint, import_checkpoint

# The others differ from these in depth only and are left out for the time that they take.
DEEP = {
    "resnet101", "resnet152", "resnet221", "resnet293", "gemini114", "gemini183", "gemini237",
    "simam100", "redimnet2_b2", "redimnet2_b4", "redimnet2_we_b1", "redimnet2_we_b2",
    "redimnet2_we_b3", "redimnet2_we_b5",
}  # fmt: skip
BUILT = sorted(set(goldens.TABLE) - DEEP)


@pytest.mark.parametrize("case", BUILT)
def test_embeddings_equal_those_of_pytorch(case):
    golden = goldens.TABLE[case]
    tensors = goldens.state_dict(case)
    imported = from_checkpoint(Checkpoint(tensors), case, golden["family"], bins=golden["bins"])
    features = goldens.features(golden["bins"], golden["frames"])
    if "speechbrain" in case:
        features *= np.float32(np.log(10) / 10)  # decibels there, natural logarithms here
    found = imported.network(features).numpy()
    assert found.dtype == np.float32
    assert imported.settings.bins == golden["bins"] == imported.front_end["bins"]
    assert found.shape[1] == imported.settings.embedding_size
    assert goldens.worst_relative(found, goldens.EMBEDDINGS[case]) < 1e-4


def test_every_family_has_a_case():
    cases = {golden["family"] for golden in goldens.TABLE.values()}
    assert cases <= set(FAMILIES)
    # The two-layer networks without a case of their own differ from these in depth only.
    assert {family.removesuffix("_two_layers") for family in FAMILIES} <= cases
    assert all(any(FAMILIES[x][0] is layout for x in cases) for layout in LAYOUTS)


HEADS = [case for case in BUILT if "two_layers" in case]


@pytest.mark.parametrize("case", ["resnet18", "gemini60", "ecapa_norm", "simam34", *HEADS])
def test_tensors_tell_the_family(case):
    golden = goldens.TABLE[case]
    tensors = {f"module.{name}": x for name, x in goldens.state_dict(case).items()}
    imported = from_checkpoint(Checkpoint(tensors), case, bins=golden["bins"])
    assert imported.family == golden["family"]
    assert all(x.endswith("num_batches_tracked") for x in imported.ignored)


@pytest.mark.parametrize("case", goldens.TABLE)
def test_convolutions_over_the_image_tell_the_depth(case):
    golden = goldens.TABLE[case]
    layout, name = FAMILIES[golden["family"]]
    if layout.image:
        kernels = sum(len(shape) == 4 for shape in golden["shapes"].values())
        assert kernels == layout.networks[name]


def test_the_mean_vector_is_subtracted_behind_the_normalisation():
    case, mean = "ecapa_local_norm", np.arange(16, dtype=np.float32)
    golden = goldens.TABLE[case]
    tensors = {**goldens.state_dict(case), "mean_vec": mean}
    network = from_checkpoint(Checkpoint(tensors), case, golden["family"]).network
    found = network(goldens.features(golden["bins"])).numpy()
    assert goldens.worst_relative(found, goldens.EMBEDDINGS[case] - mean) < 1e-4


def python_with_torch():
    for interpreter in dict.fromkeys((sys.executable, "python3", "/usr/bin/python3")):
        try:
            found = subprocess.run(
                [interpreter, "-c", "import torch"], capture_output=True, timeout=60
            )
        except (OSError, subprocess.TimeoutExpired):
            continue
        if found.returncode == 0:
            return interpreter
    pytest.skip("needs a Python that has PyTorch")


def test_goldens_are_what_pytorch_makes(tmp_path):
    script = goldens.REFERENCE / "make_goldens.py"
    command = [python_with_torch(), "-B", str(script), str(tmp_path), "--files"]
    subprocess.run(command, check=True, timeout=300)
    made = dict(np.load(tmp_path / "goldens.npz"))
    assert json.loads(made.pop("table").tobytes()) == goldens.TABLE
    assert set(made) == set(goldens.EMBEDDINGS)
    for case, embeddings in made.items():
        assert goldens.worst_relative(embeddings, goldens.EMBEDDINGS[case]) < 1e-5
    for name in ("resnet18.pt", "legacy.pt"):
        check_small_resnet(tmp_path / name)


def check_small_resnet(path: pathlib.Path):
    found = import_checkpoint(path, bins=16).network(goldens.features(16)).numpy()
    assert goldens.worst_relative(found, goldens.EMBEDDINGS["small_resnet18"]) < 1e-4
