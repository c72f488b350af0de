"""The benchmarks run to their end, and what they say fits together."""

import json
import pathlib
import subprocess
import sys

import pytest

from tfsv.errors import InputError

BENCHMARKS = pathlib.Path(__file__).resolve().parents[1] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

from interleave import Times, interleaved  # noqa: E402
from training_step import parse  # noqa: E402

SMALL = ["--rounds=1", "--channels=8"]


def run(name, *arguments):
    command = [sys.executable, str(BENCHMARKS / name), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


def test_turns():
    called = []
    works = {name: lambda name=name: called.append(name) for name in "ab"}
    times = interleaved(works, 3, burst=2, warm=1)
    assert called == 3 * [*"aaa", *"bbb"]
    assert all(len(times[name].seconds) == 6 for name in works)


def test_summaries_of_times():
    times, other = Times((4.0, 1.0, 3.0)), Times((2.0, 2.0, 1.0))
    assert (times.best, times.median, times.median_ratio(other)) == (1.0, 3.0, 2.0)


def test_peak_memory_forgets_what_was_before():
    script = (
        "import numpy as np; from peak_memory import peak_memory; "
        "np.ones(30_000_000); "  # 240 MB, gone
        "print(peak_memory(lambda: np.ones(5_000_000)))"
    )
    # A process of its own: here threads of other tests may give back memory meanwhile.
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=BENCHMARKS, capture_output=True, text=True, check=True)
    assert 39e6 < int(done.stdout) < 45e6  # the kernel counts by the page, and lags a little


def test_latency(tmp_path):
    output = tmp_path / "latency.json"
    finished = run(
        "latency.py", *SMALL, "--networks=xvector", "--frames=30", "--threads=1", "--noonnx",
        f"--output={output}",
    )  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    outcome = json.loads(output.read_text())
    rows = {row["candidate"]: row for row in outcome["rows"]}
    assert len(rows) == 10
    for name, row in rows.items():
        best, median = row["milliseconds"]["1"]
        assert 0 < best <= median and row["load"] > 0 and row["memory"] > 0
        assert f"{name} " in finished.stdout
        if "packed" in name:
            assert row["cosine"] > (0.9999 if "float" in name else 0.9), name
    packed = rows["packed int8_weights, expanded"]
    assert packed["size"] < rows["int8 dynamic, TFLite"]["size"] < rows["float, TFLite"]["size"]
    assert packed["expansion"] > 0
    assert packed["left"].get("CONV_2D", 0) == 0
    assert rows["packed int8_weights, as it is"]["left"]["CONV_2D"] == 5
    assert {goal["met"] for goal in outcome["goals"]} <= {True, False}
    ratio = outcome["goals"][0]["value"]
    assert (
        ratio
        == packed["milliseconds"]["1"][0] / rows["int8 dynamic, TFLite"]["milliseconds"]["1"][0]
    )


def test_training(tmp_path):
    output = tmp_path / "training.json"
    finished = run(
        "training.py", *SMALL, "--network=xvector", "--scheme=kmeans@4",
        "--batch_size=2", "--crop_seconds=0.5", "--memory=none", f"--output={output}",
    )  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    outcome = json.loads(output.read_text())
    plain, kmeans = outcome["rows"]
    assert plain["scheme"] == "float" and plain["ratio"] == plain["median_ratio"] == 1
    assert kmeans["ratio"] == kmeans["best"] / plain["best"]
    assert kmeans["refresh"] > 0 and kmeans["first_refresh"] > 0
    assert [goal["value"] for goal in outcome["goals"]] == [
        kmeans["ratio"],
        kmeans["refresh"] / plain["best"],
    ]


@pytest.mark.parametrize(
    ("scheme", "message"),
    [
        ("kmeans", "scheme=kmeans: expected a scheme, @ and bits, such as kmeans@4"),
        ("kmean@4", "scheme=kmean: unknown"),
        ("pot@1", "bits=1: scheme pot has"),
    ],
)
def test_unknown_schemes_are_refused(scheme, message):
    with pytest.raises(InputError, match=message):
        parse(scheme)
