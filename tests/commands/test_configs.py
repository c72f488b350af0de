"""Every flagfile is a recipe that can start."""

import pathlib

import pytest

from tfsv.commands.train import command, recipe_of
from tfsv.models import NETWORKS
from tfsv.quantization.schemes import SCHEMES, Scheme

ROOT = pathlib.Path(__file__).resolve().parents[2]
VOXCELEB = ROOT / "configs" / "voxceleb"
FILES = [
    path
    for path in sorted((ROOT / "configs").rglob("*.flags"))
    if "--network=" in path.read_text() and "tools/train.py" in path.read_text()
]


def recipe(path):
    values, rest = command.parsed([f"--flagfile={path}", "--run_dir=runs/none"])
    assert not rest
    return recipe_of(values)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_flagfile_is_a_recipe(monkeypatch, path):
    monkeypatch.chdir(ROOT)
    found = recipe(path)
    scheme = Scheme.parse(found.quantization.scheme).name
    assert found.network.name in NETWORKS and scheme in SCHEMES
    text = path.read_text()
    assert f"--flagfile {path.relative_to(ROOT)}" in text, "its header names another file"
    if path.parent == VOXCELEB:
        network, _, named = path.stem.partition("_")
        assert found.network.name == network
        assert "Published:" in text and "hours on a GPU" in text and found.finetuning.control
        if named in SCHEMES:
            assert scheme == named


def test_every_network_and_scheme_of_the_papers_has_one():
    stems = {path.stem for path in FILES if path.parent == VOXCELEB}
    for depth in ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152"):
        assert {f"{depth}_{s}" for s in ("kmeans", "static_binary", "adaptive_binary")} <= stems
    for depth in (56, 110, 179, 233):
        assert f"dfresnet{depth}_kmeans" in stems
    assert {"ecapa1024_uniform", "ecapa1024_apot", "resnet34_apot"} <= stems
    assert {"resnet34_binary_weight", "resnet34_full_binary", "resnet34_admm"} <= stems
