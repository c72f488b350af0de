"""Every flagfile, and every row of the table of VoxCeleb recipes, is a recipe that can start."""

import dataclasses
import pathlib
import re
import shlex

import pytest

from tfsv.commands import train
from tfsv.commands.main import COMMANDS
from tfsv.jobs.recipe_record import Recipe
from tfsv.models import NETWORKS
from tfsv.quantization.schemes import SCHEMES, Scheme

ROOT = pathlib.Path(__file__).resolve().parents[2]
VOXCELEB = ROOT / "configs" / "voxceleb"
README = (VOXCELEB / "README.md").read_text()
FILES = [
    path for path in sorted((ROOT / "configs").rglob("*.flags")) if "tfsv train" in path.read_text()
]
PLACES_OF_DATA = ("--corpus=", "--musan=", "--rirs=", "--test_trials=", "--test_root=")
FIGURES = r"\d+\.\d+ / \d+\.\d+ / \d+\.\d+ \((WeSpeaker, cosine|AS-Norm)\)"


@dataclasses.dataclass(frozen=True)
class Row:
    """A row of the table of recipes; fields in the order of its columns."""

    name: str
    paper: str
    flagfile: str
    flags: str
    hours: str
    float_eer: str
    quantized_eer: str

    def arguments(self) -> list[str]:
        """What follows `tfsv train`, without the places of the data."""
        flagfile = f"--flagfile=configs/voxceleb/{self.flagfile}"
        return [flagfile, *shlex.split(self.flags.strip("`")), f"--run_dir=runs/{self.name}"]


def table(heading: str) -> list[list[str]]:
    """The cells of the Markdown table in the section, without its head."""
    section = re.split(r"^## ", README.partition(f"\n## {heading}\n")[2], flags=re.MULTILINE)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def recipe_of(arguments: list[str]) -> Recipe:
    """The recipe that `tfsv train` makes of its command line."""
    values, _ = train.command.parsed(arguments)
    return train.recipe_of(values)


def train_command(text: str) -> list[str]:
    """What follows the first `tfsv train` in a flagfile's header or in a page."""
    command = re.search(r"tfsv train (.*?[^\\])$", text, re.MULTILINE | re.DOTALL)[1]
    return shlex.split(re.sub(r"\\\n#?", " ", command))


ROWS = {cells[0]: Row(*cells) for cells in table("The recipes")}


@pytest.fixture(autouse=True)
def at_the_top(monkeypatch):
    monkeypatch.chdir(ROOT)


def test_texts_name_commands_that_there_are():
    for path in (VOXCELEB / "README.md", *(ROOT / "configs").rglob("*.flags")):
        named = set(re.findall(r"^#? *tfsv ([\w-]+)", path.read_text(), re.MULTILINE))
        assert named <= set(COMMANDS), path


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_command_of_a_flagfile_is_a_recipe(path):
    arguments = train_command(path.read_text())
    assert f"--flagfile {path.relative_to(ROOT)}" in " ".join(arguments), (
        "its header names another file"
    )
    recipe = recipe_of(arguments)
    if recipe.task == "verification":
        assert recipe.network.name in NETWORKS
    assert Scheme.parse(recipe.quantization.scheme).name in SCHEMES


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS.keys())
def test_row_is_a_recipe(row):
    recipe = recipe_of(row.arguments())
    network, _, scheme_name = row.name.partition("_")
    assert network == recipe.network.name and network in NETWORKS
    recipe.resolved()
    scheme = Scheme.parse(recipe.quantization.scheme)
    scheme.check_bits(recipe.quantization.bits)
    assert scheme.name in SCHEMES
    if scheme_name in SCHEMES:
        assert scheme.name == scheme_name
    assert recipe.finetuning.control
    assert row.paper and int(row.hours) > 0
    assert row.float_eer == "none was found" or re.fullmatch(FIGURES, row.float_eer)
    assert row.quantized_eer == "not known to us" or re.fullmatch(FIGURES, row.quantized_eer)


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS.keys())
def test_row_starts_from_the_float_network_of_another(row):
    start = recipe_of(row.arguments()).start
    if start:
        runs, parent, folder = pathlib.PurePath(start).parts
        assert (runs, folder) == ("runs", "float")
        parent = recipe_of(ROWS[parent].arguments())
        assert not parent.start
        assert parent.network == recipe_of(row.arguments()).network


@pytest.mark.parametrize("name", ["README.md", "resnet.flags", "dfresnet.flags"])
def test_command_in_the_text_is_that_of_its_row(name):
    arguments = train_command((VOXCELEB / name).read_text())
    (run_dir,) = (argument for argument in arguments if argument.startswith("--run_dir="))
    row = ROWS[pathlib.PurePath(run_dir).name]
    places = [argument for argument in arguments if argument.startswith(PLACES_OF_DATA)]
    assert recipe_of([*row.arguments(), *places]) == recipe_of(arguments)


def test_scheme_of_every_row_is_explained():
    explained = {cells[0].strip("`") for cells in table("The schemes")}
    assert explained == {recipe_of(row.arguments()).quantization.scheme for row in ROWS.values()}


def test_every_network_and_scheme_of_the_papers_has_one():
    for depth in ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152"):
        assert {f"{depth}_{s}" for s in ("kmeans", "static_binary", "adaptive_binary")} <= set(ROWS)
    for depth in (56, 110, 179, 233):
        assert f"dfresnet{depth}_kmeans" in ROWS
    assert {"ecapa1024_uniform", "ecapa1024_apot", "resnet34_apot"} <= set(ROWS)
    assert {"resnet34_binary_weight", "resnet34_full_binary", "resnet34_admm"} <= set(ROWS)
