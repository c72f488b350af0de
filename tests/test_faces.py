"""Every package says what it offers, and has it."""

import importlib
import pathlib

import pytest

import tfsv

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
