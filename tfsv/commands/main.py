"""The command `tfsv`: finds the command that is meant and starts it."""

import dataclasses
import difflib
import importlib
import signal
import sys
from collections.abc import Sequence
from typing import NoReturn

from tfsv import __version__
from tfsv.commands.running import ending_in_a_line


@dataclasses.dataclass(frozen=True)
class Entry:
    """A line of the help page.

    Example:
        >>> COMMANDS["import"].module
        'import_checkpoint'

    Attributes:
        module: Module of `tfsv.commands` that has the command.
        help: What the command does, in a few words.
    """

    module: str
    help: str


COMMANDS = {
    "prepare": Entry("prepare", "list the recordings of a corpus, and trials to measure with"),
    "join-manifests": Entry("join_manifests", "make one list of several corpora"),
    "make-rooms": Entry("make_rooms", "simulate rooms in which talkers are to be separated"),
    "make-mixture": Entry("make_mixture", "make a recording of two talkers in such a room"),
    "train": Entry("train", "train a network, quantize it, fine-tune it and measure each"),
    "import": Entry("import_checkpoint", "or take a network that WeSpeaker or SpeechBrain trained"),
    "quantize": Entry("quantize", "quantize a float network with nothing but recordings"),
    "search-bits": Entry("search_bits", "find the bits of each layer that fit a number of bytes"),
    "export": Entry("export", "write a trained model as a TFLite file"),
    "inspect": Entry("inspect", "show what is in such a file, layer by layer"),
    "evaluate": Entry("evaluate", "measure EER and minDCF of models, and set thresholds"),
    "verify": Entry("verify", "say whether recordings are of the speaker who was enrolled"),
    "separate": Entry("separate", "take one talker out of a recording of a microphone array"),
    "report": Entry("report", "tabulate several runs of train, such as one for each seed"),
    "compare-schemes": Entry("compare_schemes", "compare quantizers on networks that were trained"),
    "compare-bits": Entry("compare_bits", "compare bits for each layer with one width for all"),
    "make-goldens": Entry("make_goldens", "write or check the files that the app is tested with"),
}
"""Commands by name, in the order in which one needs them."""

_PAGE = """\
tfsv makes networks that recognise speakers small enough for a phone: it trains them, replaces their
weights by codes of 1 to 8 bits, and writes TFLite files.

usage: tfsv COMMAND [--flag=value …]

commands, in the order in which one needs them:
{commands}

examples:
  tfsv verify enrol.wav -- test.wav               are both of one speaker? asks the demo model
  tfsv train --flagfile configs/resnet.flags      a small network on built-in voices, in minutes
  tfsv export --model=runs/resnet/fine_tuned --weights=packed --output=model.tflite

tfsv COMMAND --help lists the flags of a command; --flagfile=FILE reads them from a file.
tfsv --version prints the version."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Runs the command that the first argument names, or prints the help page, and exits.

    Example:
        >>> main(["inspect", "demo"])

    Args:
        arguments: The words behind `tfsv` on the command line. None: those of this process.
    """
    name, *rest = (sys.argv[1:] if arguments is None else arguments) or ["help"]
    if name in ("help", "--help", "--helpshort", "-h", "-?"):
        if not rest:
            _print(page())
        name, rest = rest[0], ["--help"]
    if name == "--version":
        _print(f"tfsv {__version__}")
    if name not in COMMANDS:
        sys.exit(f"error: {name}: unknown command{_nearest(name)}; see tfsv --help")
    try:
        module = importlib.import_module(f"tfsv.commands.{COMMANDS[name].module}")
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    module.command.run(rest)


def page() -> str:
    """The help page of `tfsv`.

    Example:
        >>> page().splitlines()[-1]
        'tfsv --version prints the version.'
    """
    width = max(map(len, COMMANDS))
    lines = [f"  {name.ljust(width)}  {entry.help}" for name, entry in COMMANDS.items()]
    return _PAGE.format(commands="\n".join(lines))


def _print(text: str) -> NoReturn:
    with ending_in_a_line():
        print(text)
    sys.exit(0)


def _nearest(name: str) -> str:
    near = difflib.get_close_matches(name.replace("_", "-"), COMMANDS, 1, 0.4)
    return f", perhaps {near[0]} is meant" if near else ""
