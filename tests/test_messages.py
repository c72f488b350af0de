"""What the library says when something is wrong names settings, not flags of a command."""

import ast
import pathlib
import re

import pytest

import tfsv

PACKAGE = pathlib.Path(tfsv.__file__).parent
FILES = [path for path in sorted(PACKAGE.rglob("*.py")) if path.parent.name != "commands"]


def raised_texts(tree):
    """Every text within a `raise` statement, with its line."""
    for statement in ast.walk(tree):
        if isinstance(statement, ast.Raise):
            for node in ast.walk(statement):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield node.lineno, node.value


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_messages_name_no_flags_and_no_scripts(path):
    for line, text in raised_texts(ast.parse(path.read_text(encoding="utf-8"))):
        flags = re.findall(r"(?<!\w)--[a-z]\w*", re.sub(r"`tfsv [^`]*`", "", text))
        assert not flags, f"line {line}: {text!r} names a flag"
        assert "tools/" not in text, f"line {line}: {text!r} names a script"
