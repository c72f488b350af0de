"""Every package says what it offers, and has it."""

import importlib
import pathlib
import re

import pytest

import tfsv

ROOT = pathlib.Path(__file__).resolve().parents[1]
FACES = sorted(
    f"tfsv.{path.parent.name}" for path in pathlib.Path(tfsv.__file__).parent.glob("*/__init__.py")
)


@pytest.mark.parametrize("name", FACES)
def test_a_package_has_what_it_offers(name):
    package = importlib.import_module(name)
    assert package.__all__ and package.__doc__
    for public in package.__all__:
        assert getattr(package, public) is not None, public
    with pytest.raises(AttributeError):
        _ = package.no_such_name


def test_what_contributing_points_to_is_there():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    paths = re.findall(r"`((?:tests|tfsv|tools|docs)/[\w./]+)`", text)
    assert len(paths) >= 15
    for path in paths:
        assert (ROOT / path).exists(), path
