"""Modules that every command loads must load fast."""

import json
import subprocess
import sys

_SCRIPT = """
import importlib, json, sys, time
start = time.perf_counter()
importlib.import_module(sys.argv[1])
seconds = time.perf_counter() - start
print(json.dumps([seconds, "tensorflow" in sys.modules]))
"""


def check_light_import(module: str, most_seconds: float = 0.3) -> None:
    """Imports a module in processes of its own: quickly, and without TensorFlow.

    The quickest of three times counts, since other tests run beside this one.
    """
    times = []
    for _ in range(3):
        command = [sys.executable, "-c", _SCRIPT, module]
        seconds, loaded = json.loads(subprocess.check_output(command, text=True, timeout=60))
        assert not loaded, f"{module} imports TensorFlow"
        times.append(seconds)
        if seconds < most_seconds:
            break
    assert min(times) < most_seconds
