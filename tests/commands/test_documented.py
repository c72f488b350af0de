"""Every command line that the documentation and the flagfiles show has flags that there are."""

import importlib
import pathlib
import re
import shlex

import pytest
from command_runner import TOOLS

from tfsv.commands.main import COMMANDS

ROOT = pathlib.Path(__file__).resolve().parents[2]
LINE = re.compile(
    r"^[#\s]*(?:python tools/(?P<tool>\w+)\.py|tfsv (?P<name>[a-z-]+)) (?P<rest>(?:.*\\\n)*.*)$",
    re.M,
)
SHELL = {"seed": "0", "weights": "packed", "network": "resnet_1s", "bits": "4"}
"""Values of the shell's variables in them."""


def texts():
    """Everything that shows command lines, by name."""
    places = ("*.md", "docs/**/*.md", "mobile_demo/*.md", "configs/**/*.md", "configs/**/*.flags")
    for path in sorted(path for place in places for path in ROOT.glob(place)):
        yield path.name, path.read_text()
    for entry in COMMANDS.values():
        yield entry.module, importlib.import_module(f"tfsv.commands.{entry.module}").__doc__


def documented():
    """Each command and its arguments."""
    for source, content in texts():
        for found in LINE.finditer(content):
            name = TOOLS.get(found["tool"]) or found["name"]
            if name in COMMANDS:
                text = re.sub(r"\\\n\s*#?", "", found["rest"])
                text = re.sub(r"\$\{?(\w+)\}?", lambda word: SHELL.get(word[1], "x"), text)
                text = re.sub(r"\$\{\w+#.*?\}", "kmeans", text)
                yield pytest.param(name, shlex.split(text), id=f"{source}-{name}")


@pytest.mark.parametrize(("name", "arguments"), documented())
def test_a_documented_command_line_is_understood(monkeypatch, name, arguments):
    monkeypatch.chdir(ROOT)
    module = importlib.import_module(f"tfsv.commands.{COMMANDS[name].module}")
    module.command.parsed(arguments)


def test_there_are_many_of_them():
    shown = {line.values[0] for line in documented()}
    assert {"train", "export", "evaluate", "verify", "inspect", "import", "prepare"} <= shown
