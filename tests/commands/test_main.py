"""The command `tfsv`: its page, its commands, how they start and how they fail."""

import errno
import importlib
import os
import pathlib
import resource
import signal
import subprocess
import sys

import pytest
from absl import flags
from command_runner import TOOLS

from tfsv import __version__
from tfsv.commands.main import COMMANDS, main
from tfsv.commands.running import Command, with_dashes
from tfsv.errors import InputError
from tfsv.signals import ENDING

ROOT = pathlib.Path(__file__).resolve().parents[2]
_WITHOUT_TENSORFLOW = """
import sys
from tfsv.commands.main import main
try:
    main(sys.argv[1:])
finally:
    assert not {"tensorflow", "tf_keras"} & set(sys.modules), "TensorFlow is loaded"
"""


def run(arguments, capsys):
    with pytest.raises(SystemExit) as end:
        main(arguments)
    code = end.value.code
    return code, capsys.readouterr().out


def started(*command):
    """What a process did, and the processor's seconds that it took: others may run beside it."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return done, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


@pytest.mark.parametrize("arguments", [[], ["help"], ["--help"], ["-h"]])
def test_the_page_names_every_command_with_what_it_does(capsys, arguments):
    code, output = run(arguments, capsys)
    assert code == 0
    for name, entry in COMMANDS.items():
        assert f"  {name} " in output and entry.help in output
    assert "tfsv verify enrol.wav -- test.wav" in output and "--help" in output
    assert max(map(len, output.splitlines())) <= 100


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command_begins_with_what_it_does(capsys, name):
    module = importlib.import_module(f"tfsv.commands.{COMMANDS[name].module}")
    code, output = run([name, "--help"], capsys)
    assert code == 0 and output.startswith(module.__doc__.splitlines()[0])
    assert module.command.name == name and f"tfsv {name} " in module.__doc__
    assert "--flagfile" in output and "--verbosity" in output
    assert run(["help", name], capsys) == (0, output)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_answers_at_once_and_without_tensorflow(name):
    done, seconds = started(sys.executable, "-c", _WITHOUT_TENSORFLOW, name, "--help")
    assert done.returncode == 0 and not done.stderr, done.stderr
    assert seconds < 1


def test_the_page_takes_no_time():
    done, seconds = started(sys.executable, "-m", "tfsv", "--help")
    assert done.returncode == 0 and seconds < 0.5


def test_the_version(capsys):
    assert run(["--version"], capsys) == (0, f"tfsv {__version__}\n")


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("trian", "train"), ("search_bits", "search-bits"), ("compare", "compare-bits"), ("xx", "")],
)
def test_an_unknown_command_is_one_line(capsys, name, nearest):
    code, output = run([name], capsys)
    wanted = f", perhaps {nearest} is meant" if nearest else ""
    assert (code, output) == (f"error: {name}: unknown command{wanted}; see tfsv --help", "")


@pytest.mark.parametrize("name", COMMANDS)
def test_an_unknown_flag_is_one_line(capsys, name):
    code, _ = run([name, "--colour=red"], capsys)
    assert code == f"error: Unknown command line flag 'colour'; see tfsv {name} --help"


def test_tools_do_what_commands_do():
    assert set(TOOLS) == {path.stem for path in (ROOT / "tools").glob("*.py")}
    assert set(TOOLS.values()) == set(COMMANDS)
    for tool, name in TOOLS.items():
        module = f"tfsv.commands.{COMMANDS[name].module}"
        text = (ROOT / "tools" / f"{tool}.py").read_text()
        assert f"from {module} import command\n" in text and len(text.splitlines()) < 8
    done, _ = started(sys.executable, ROOT / "tools" / "report.py", "--runs=nowhere")
    assert done.returncode == 1
    assert done.stderr == "error: nowhere: no results.json in it; run `tfsv train` to its end\n"


def _define(values):
    flags.DEFINE_integer("bits", 4, "Bits.", lower_bound=1, flag_values=values)
    flags.DEFINE_bool("control", False, "Control.", flag_values=values)
    flags.DEFINE_string("name", None, "Name.", required=True, flag_values=values)
    flags.DEFINE_float("rate", None, "Rate.", 0.0, flag_values=values)


def command(main, **options):
    return Command("try", "Tries.", _define, main, **options)


def ended(main, *arguments, **options):
    with pytest.raises(SystemExit) as end:
        command(main, **options).run(["--name=Ann", *arguments])
    return end.value.code


def test_flags_and_arguments_may_be_mixed():
    found = []

    def main(values, arguments):
        found.append((values.bits, values.control, arguments))

    assert ended(main, "a", "--bits=3", "b", "--nocontrol", takes_arguments=True) is None
    assert ended(main, "a", "--", "--bits=3", takes_arguments=True) is None
    assert ended(main, "a", "--", "--bits=3", takes_arguments=True, separator=True) is None
    assert found == [
        (3, False, ["a", "b"]), (4, False, ["a", "--bits=3"]), (4, False, ["a", "--", "--bits=3"]),
    ]  # fmt: skip


def test_flags_come_from_files_too(tmp_path):
    (tmp_path / "inner.flags").write_text("--bits=2\n--control\n")
    (tmp_path / "all.flags").write_text(f"# A comment.\n--flagfile={tmp_path}/inner.flags\n")
    found = []

    def main(values, arguments):
        found.append((values.bits, values.control))

    ended(main, f"--flagfile={tmp_path}/all.flags")
    ended(main, "--flagfile", f"{tmp_path}/all.flags", "--bits=5")
    ended(main, "--bits=5", f"--flagfile={tmp_path}/all.flags")
    assert found == [(2, True), (5, True), (2, True)]
    (tmp_path / "windows.flags").write_bytes("\ufeff# A comment.\r\n--bits=2\r\n".encode())
    ended(main, f"--flagfile={tmp_path}/windows.flags")
    (tmp_path / "windows.flags").write_bytes("\ufeff--bits=3\r\n".encode())
    ended(main, f"--flagfile={tmp_path}/windows.flags")
    assert [bits for bits, _ in found[3:]] == [2, 3]
    (tmp_path / "wide.flags").write_text("--bits=2", encoding="utf-16")
    assert "not UTF-8 text" in ended(main, f"--flagfile={tmp_path}/wide.flags")
    code = ended(main, "--flagfile=nowhere.flags")
    assert "nowhere.flags" in code and code.startswith("error: ") and "\n" not in code


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["more"], "unexpected argument 'more'; see tfsv try --help"),
        (["--bits=two"], "flag --bits=two: "),
        (["--bits=0"], "flag --bits=0: "),
        (["--nocontrol=3"], "--nocontrol=3 does not take an argument; see tfsv try --help"),
        (["--bits"], "Missing value for flag --bits; see tfsv try --help"),
    ],
)
def test_bad_command_lines_are_one_line(arguments, message):
    code = ended(lambda values, arguments: None, *arguments)
    assert code.startswith(f"error: {message}") and "\n" not in code


def test_a_missing_flag_is_one_line():
    with pytest.raises(SystemExit) as end:
        command(lambda values, arguments: None).run([])
    assert "--name" in end.value.code and "\n" not in end.value.code


@pytest.fixture
def signals_as_they_are():
    """A command that was stopped lets further signals end its process."""
    before = {number: signal.getsignal(number) for number in ENDING}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", ENDING)
@pytest.mark.parametrize(
    ("resumes", "aim"),
    [
        (False, "to start anew"),
        (True, "to go on from there"),
        ("control", "to start anew"),
        ("name", "to go on from there"),
    ],
)
def test_a_signal_ends_a_command_with_one_line(signals_as_they_are, capsys, number, resumes, aim):
    """And with its status. What may be resumed with a flag only is told so if the flag is given."""
    undone = []

    def main(values, arguments):
        try:
            os.kill(os.getpid(), number)
        finally:
            undone.append(True)

    assert ended(main, "--bits=3", "--name=Ann B", resumes=resumes) == 128 + number
    by = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}[number]
    line = f"stopped by {by}; {aim}, run: tfsv try --name=Ann --bits=3 '--name=Ann B'\n"
    assert capsys.readouterr() == ("", line) and undone
    assert signal.getsignal(signal.SIGINT) is signal.SIG_DFL


def test_what_a_command_raises_becomes_an_exit_status(signals_as_they_are):
    def raising(error):
        def main(values, arguments):
            raise error

        return ended(main)

    assert raising(InputError("bits=9: see 'name'")) == "error: --bits=9: see --name"
    assert raising(KeyboardInterrupt()) == 130
    assert ended(lambda values, arguments: 2) == 2
    full = raising(OSError(errno.ENOSPC, "No space left on device", "/tmp/x"))
    assert full.startswith("error: /tmp/x: not written (No space left on device, ")
    with pytest.raises(ZeroDivisionError):
        raising(ZeroDivisionError())
    with pytest.raises(PermissionError):
        raising(PermissionError(errno.EACCES, "Permission denied"))


def test_the_help_page_tells_defaults_and_what_is_required(capsys):
    assert ended(lambda values, arguments: None, "--help") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Tries."
    assert lines[lines.index("  --bits: Bits.") + 1] == "    (default: '4') (a positive integer)"
    assert lines[lines.index("  --name: Name.") + 1] == "    (required)"
    assert lines[lines.index("  --rate: Rate.") + 1] == "    (a non-negative number)"


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("bits=9: expected 1 to 8", "--bits=9: expected 1 to 8"),
        ("x.tflite: 'root' or 'other' (bits=2)", "x.tflite: --root or 'other' (--bits=2)"),
        ("a/bits=3 and --bits=2 and rabbits=1", "a/bits=3 and --bits=2 and rabbits=1"),
        ("other=3: expected 'far_0.01'", "other=3: expected 'far_0.01'"),
    ],
)
def test_settings_that_are_flags_get_dashes(message, shown):
    assert with_dashes(message, {"bits", "root"}) == shown


@pytest.mark.parametrize("arguments", [["train", "--help"], ["--help"], ["--version"]])
def test_a_full_disk_under_the_output_is_one_line(arguments):
    if not pathlib.Path("/dev/full").is_char_device():
        pytest.skip("this system has no /dev/full")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with open("/dev/full", "w") as full:
        words = [sys.executable, "-m", "tfsv", *arguments]
        done = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, env=environment)
    assert done.returncode == 1
    assert done.stderr.startswith(b"error: the output: not written (No space left on device)")
    assert done.stderr.count(b"\n") == 1


@pytest.mark.parametrize("arguments", [["train", "--help"], ["--help"]])
@pytest.mark.parametrize("streams", [">&-", "2>&-", ">&- 2>&- <&-"])
def test_streams_that_are_closed(arguments, streams):
    words = [sys.executable, "-m", "tfsv", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    shell = ["sh", "-c", f'"$@" {streams}', "sh", *words]
    done = subprocess.run(shell, capture_output=True, env=environment)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("arguments", [["train", "--help"], ["--help"]])
def test_a_pipe_that_is_closed_early_is_no_defect(arguments):
    words = [sys.executable, "-m", "tfsv", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    reading, writing = os.pipe()
    os.close(reading)
    ended = subprocess.run(words, stdout=writing, stderr=subprocess.PIPE, env=environment)
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (141, b"")
