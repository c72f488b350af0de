"""Every flagfile is a recipe that can start."""

import importlib.util
import pathlib

import pytest
from absl import flags

from tfsv.models import NETWORKS
from tfsv.quantization.schemes import SCHEMES, Scheme

ROOT = pathlib.Path(__file__).resolve().parents[2]
VOXCELEB = ROOT / "configs" / "voxceleb"
FILES = [
    path
    for path in sorted((ROOT / "configs").rglob("*.flags"))
    if "--network=" in path.read_text() and "tools/train.py" in path.read_text()
]


@pytest.fixture(scope="module")
def train():
    spec = importlib.util.spec_from_file_location("train_tool", ROOT / "tools" / "train.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    for name in flags.FLAGS.flags_by_module_dict().get("train_tool", []):
        delattr(flags.FLAGS, name.name)


@pytest.fixture
def parsed(train, monkeypatch):
    monkeypatch.chdir(ROOT)

    def parse(path):
        flags.FLAGS.unparse_flags()
        for flag in flags.FLAGS.flags_by_module_dict()["train_tool"]:
            flag.unparse()
        flags.FLAGS(["train", f"--flagfile={path}", "--run_dir=runs/none"])
        return train.recipe_of_flags()

    yield parse
    flags.FLAGS.unparse_flags()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_flagfile_is_a_recipe(parsed, path):
    recipe = parsed(path)
    assert recipe.network in NETWORKS and Scheme.parse(recipe.scheme).name in SCHEMES
    text = path.read_text()
    assert f"--flagfile {path.relative_to(ROOT)}" in text, "its header names another file"
    if path.parent == VOXCELEB:
        network, _, scheme = path.stem.partition("_")
        assert recipe.network == network
        assert "Published:" in text and "hours on a GPU" in text and recipe.control
        if scheme in SCHEMES:
            assert Scheme.parse(recipe.scheme).name == scheme


def test_every_network_and_scheme_of_the_papers_has_one():
    stems = {path.stem for path in FILES if path.parent == VOXCELEB}
    for depth in ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152"):
        assert {f"{depth}_{s}" for s in ("kmeans", "static_binary", "adaptive_binary")} <= stems
    for depth in (56, 110, 179, 233):
        assert f"dfresnet{depth}_kmeans" in stems
    assert {"ecapa1024_uniform", "ecapa1024_apot", "resnet34_apot"} <= stems
    assert {"resnet34_binary_weight", "resnet34_full_binary", "resnet34_admm"} <= stems
