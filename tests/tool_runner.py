"""Runs commands of tools/ with the stub embedder as every model.

A stub model is a `.tflite` file that holds a JSON table of thresholds, or a model folder whose
weights file holds anything.

Every run is a process of its own, with its own flags, output and exit status. To save the second
that the imports take, it is forked from one process that has them loaded (and no TensorFlow, whose
threads would not survive a fork).
"""

import atexit
import dataclasses
import functools
import importlib
import json
import os
import pathlib
import runpy
import subprocess
import sys
import tempfile
import types

ROOT = pathlib.Path(__file__).resolve().parents[1]
_PRELOADED = (
    "absl.app",
    "matplotlib.backends.backend_agg",
    "tfsv.audio.manifest",
    "tfsv.verification.det_plot",
    "tfsv.verification.embedder",
    "tfsv.verification.evaluation",
)


@dataclasses.dataclass(frozen=True)
class Finished:
    """What a run left."""

    returncode: int
    stdout: str
    stderr: str


def run_tool(name, *arguments, folder):
    """Runs `tools/<name>` in `folder` to its end."""
    with tempfile.TemporaryDirectory() as outputs:
        files = [os.path.join(outputs, name) for name in ("stdout", "stderr")]
        argv = [str(ROOT / "tools" / name), *map(str, arguments)]
        server = _server()
        server.stdin.write(json.dumps([argv, str(folder), files]) + "\n")
        server.stdin.flush()
        returncode = int(server.stdout.readline())
        return Finished(returncode, *(pathlib.Path(file).read_text() for file in files))


@functools.cache
def _server():
    server = subprocess.Popen(
        [sys.executable, __file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    atexit.register(server.communicate)  # closes its input, which ends it
    return server


def _serve():
    for module in _PRELOADED:
        importlib.import_module(module)
    loader = types.ModuleType("tfsv.tasks.opening")
    loader.open_model = _open_model
    sys.modules[loader.__name__] = loader
    while request := sys.stdin.readline():
        argv, folder, files = json.loads(request)
        child = os.fork()
        if child == 0:
            _become(argv, folder, files)
            return
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _become(argv, folder, files):
    os.chdir(folder)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, file in enumerate(files, start=1):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT), number)
    sys.argv = argv
    runpy.run_path(argv[0], run_name="__main__")


def _open_model(path):
    from speech_stub import PitchEmbedder

    from tfsv.card import ModelCard

    path = pathlib.Path(path)
    if path.is_dir():
        return PitchEmbedder(ModelCard.from_json((path / "card.json").read_text()).thresholds)
    return PitchEmbedder(json.loads(path.read_text()))


if __name__ == "__main__":
    _serve()
