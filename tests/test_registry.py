"""Tables that fill themselves."""

import sys

import pytest

from tfsv.errors import InputError
from tfsv.registry import Registry


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of two shapes, and the table that they add themselves to."""
    folder = tmp_path / "made_up_shapes"
    folder.mkdir()
    (folder / "__init__.py").write_text(
        "from tfsv.registry import Registry\nSHAPES = Registry('shape', 'made_up_shapes')\n"
    )
    for name in ("circle", "square"):
        (folder / f"{name}.py").write_text(
            f"from made_up_shapes import SHAPES\nSHAPES.add({name!r}, {name.upper()!r})\n"
        )
    monkeypatch.syspath_prepend(tmp_path)
    yield folder
    for name in [name for name in sys.modules if name.startswith("made_up_shapes")]:
        del sys.modules[name]


def test_a_package_is_read_when_its_table_is_looked_into(package):
    from made_up_shapes import SHAPES

    assert "made_up_shapes.circle" not in sys.modules
    assert dict(SHAPES) == {"circle": "CIRCLE", "square": "SQUARE"} and len(SHAPES) == 2
    assert SHAPES.named("square") == "SQUARE"
    with pytest.raises(InputError, match="^shape=oval: unknown; choose one of circle, square$"):
        SHAPES.named("oval")
    with pytest.raises(KeyError):
        SHAPES["oval"]


def test_a_module_that_fails_fails_each_time(package):
    (package / "square.py").write_text("raise RuntimeError('crooked')\n")
    from made_up_shapes import SHAPES

    for _ in range(2):
        with pytest.raises(RuntimeError, match="crooked"):
            len(SHAPES)


def test_names_are_given_once_and_can_be_taken_back(package):
    shapes = Registry("shape")
    shapes.search("made_up_shapes")
    assert shapes.register("oval")("OVAL") == "OVAL"
    with pytest.raises(ValueError, match="shape 'oval': there is one already"):
        shapes.add("oval", "OTHER")
    shapes.remove("oval")
    assert "oval" not in shapes
