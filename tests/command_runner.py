"""Runs commands of tfsv in this process, as a shell would."""

import contextlib
import dataclasses
import importlib
import io
import json
import logging
import os
import pathlib
import signal
from unittest import mock

import absl.logging
from speech_stub import PitchEmbedder

from tfsv.card import ModelCard
from tfsv.commands.main import COMMANDS
from tfsv.signals import ENDING
from tfsv.tasks.model_folder import read_folder_cohort
from tfsv.verification.scorer import Scorer

TOOLS = {
    "compare_bits": "compare-bits", "compare_schemes": "compare-schemes", "evaluate": "evaluate",
    "export_tflite": "export", "import_checkpoint": "import", "inspect_model": "inspect",
    "join_manifests": "join-manifests", "make_goldens": "make-goldens",
    "make_mixture": "make-mixture", "make_rooms": "make-rooms", "prepare_corpus": "prepare",
    "quantize": "quantize", "report": "report", "search_bits": "search-bits",
    "separate": "separate", "train": "train", "verify": "verify",
}  # fmt: skip
"""Commands by the name of the script in tools/ that does the same."""


@dataclasses.dataclass(frozen=True)
class Finished:
    """What a run left."""

    returncode: int
    stdout: str
    stderr: str


def run_command(name, *arguments, folder="."):
    """Runs `tfsv <name>` in `folder` to its end."""
    command = importlib.import_module(f"tfsv.commands.{COMMANDS[name].module}").command
    output, errors = io.StringIO(), io.StringIO()
    with (
        _inside(folder),
        contextlib.redirect_stdout(output),
        contextlib.redirect_stderr(errors),
        _logging_to(errors),
        _signals_as_they_are(),
    ):
        try:
            command.run([str(argument) for argument in arguments])
        except SystemExit as end:
            code = end.code
    if isinstance(code, str):
        errors.write(f"{code}\n")
        code = 1
    return Finished(code or 0, output.getvalue(), errors.getvalue())


def run_with_stub(name, *arguments, folder):
    """The same with the stub embedder as every model.

    A stub model is a `.tflite` file that holds a JSON table of thresholds, or a model folder whose
    weights file holds anything; the folder may have a cohort.
    """
    with (
        mock.patch("tfsv.tasks.evaluating.open_model", _open_stub),
        mock.patch("tfsv.tasks.verifying.open_model", _open_stub),
    ):
        return run_command(name, *arguments, folder=folder)


def _open_stub(path):
    path = pathlib.Path(path)
    if path.is_dir():
        card = ModelCard.from_json((path / "card.json").read_text())
        model = PitchEmbedder(card.thresholds)
        model.scorer = Scorer.of(card, read_folder_cohort(path), path)
        return model
    return PitchEmbedder(json.loads(path.read_text()))


@contextlib.contextmanager
def _signals_as_they_are():
    """A command that was stopped lets further signals end its process."""
    before = {number: signal.getsignal(number) for number in ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _inside(folder):
    before = os.getcwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


@contextlib.contextmanager
def _logging_to(stream):
    """Where a command's log goes, and that it does not reach the tests that follow."""
    handler, level = absl.logging.get_absl_handler(), logging.root.level
    before = handler.python_handler.stream
    handler.python_handler.stream = stream
    try:
        yield
    finally:
        handler.python_handler.stream = before
        logging.root.removeHandler(handler)
        logging.root.setLevel(level)
