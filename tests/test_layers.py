"""The order of the package's floors, as CONTRIBUTING draws it, and what needs no TensorFlow."""

import ast
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "tfsv"
FLOORS = (
    {"errors", "foreign", "lazy", "demo", "disk_space", "signals", "processes", "widths"},
    {"plain_files"},
    {"files", "registry", "text_files", "text_tables", "card_fields", "settings", "run_lock"},
    {"json_files", "array_files"},
    {"folders", "card"},
    {"report", "resampling"},
    {"audio", "kernel_layers"},
    {"sounding", "framing", "mel_filters"},
    {"features", "power_mel", "normalised_mel", "models", "quantization"},
    {"front_ends", "training", "bitwidth"},
    {"packed"},
    {"runtime"},
    {"conversion"},
    {"verification", "separation"},
    {"tasks"},
    {"jobs"},
    {"goldens", "study"},
    {"commands"},
    {"__init__", "__main__"},
)
"""A module imports from its own package and from floors above it in this list, never below."""

NAMELESS = ("training", "bitwidth", "packed", "runtime", "conversion", "jobs")
"""Packages that know no task."""

TASKS_OWN = ("verification", "separation", "features")
"""What belongs to one task."""

WITHOUT_TENSORFLOW = (
    "tfsv",
    *(f"tfsv.{name}" for floor in FLOORS[:6] for name in floor),
    *(f"tfsv.{package}" for package in ("packed", "runtime", "quantization", "models", "audio")),
    *(
        f"tfsv.{path.parent.name}.{path.stem}"
        for package in ("packed", "runtime", "bitwidth/methods", "commands")
        for path in sorted((PACKAGE / package).glob("[!_]*.py"))
        if package != "bitwidth/methods"
    ),
    *(f"tfsv.bitwidth.methods.{p.stem}" for p in (PACKAGE / "bitwidth/methods").glob("[!_]*.py")),
    "tfsv.jobs.settings",
    "tfsv.jobs.recipe_record",
    "tfsv.tasks.verifying",
    "tfsv.tasks.task",
    "tfsv.tasks.definitions.verification",
    "tfsv.tasks.opening",
    "tfsv.goldens.checking",
)


def floor_of(name: str) -> int:
    for number, floor in enumerate(FLOORS):
        if name in floor:
            return number
    raise AssertionError(f"{name}: is on no floor; add it to FLOORS and to CONTRIBUTING.md")


def imports(path: pathlib.Path):
    """Every module of tfsv that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("tfsv"))
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tfsv"):
            if node.module == "tfsv":
                yield from (f"tfsv.{alias.name}" for alias in node.names)
            else:
                yield node.module


def run_python(program: str) -> str:
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


FILES = sorted(path for path in PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_from_floors_above(path):
    own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    for module in imports(path):
        if module == "tfsv":
            continue
        other = module.split(".")[1]
        if other == "__version__" or other == own:
            continue
        assert floor_of(other) < floor_of(own), f"imports {module}"


@pytest.mark.parametrize("package", NAMELESS)
def test_what_serves_every_task_knows_none(package):
    for path in (PACKAGE / package).rglob("*.py"):
        known = [m for m in imports(path) if m.split(".")[1] in TASKS_OWN]
        assert not known, f"{path}: imports {known}"


def test_floors_are_those_of_contributing():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for floor in FLOORS[:-1]:
        for name in floor:
            assert f"`{name}`" in text, f"CONTRIBUTING.md does not say where {name} is"


def test_what_runs_without_tensorflow():
    program = "import importlib, sys\n" + "\n".join(
        f"importlib.import_module({name!r}); assert 'tensorflow' not in sys.modules, {name!r}"
        for name in WITHOUT_TENSORFLOW
    )
    run_python(program)


def test_importing_tfsv_takes_no_time():
    program = "import time; t = time.perf_counter(); import tfsv; print(time.perf_counter() - t)"
    assert min(float(run_python(program)) for _ in range(3)) < 0.3
