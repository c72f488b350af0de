"""What quantization adds to a training step: time, memory, and the refreshing of codebooks.

    python benchmarks/training.py --output=training.json
    python benchmarks/training.py --quick

Takes steps of the fit loop with the float network and with one network for each scheme, in turns in
one process, and compares each step with the float step of the same turn. After each step all
codebooks are fitted anew, and timed too: training does that at an interval, not every step. Memory
is the peak of building a network and taking two steps, in a process of its own.

    time: least   the least step time through the least float step time; on a machine that does
                  other things too this is the one to look at
    time: median  the median over the turns of the step's time through the float step's
    memory        peak beyond the imports, through the float network's; --memory=all for all
    first, warm   milliseconds to fit all codebooks to new weights, and after a step to those that
                  it changed (the least); the latter through a float step's least time
"""

from tfsv.commands.running import Command  # isort: skip  (sets TensorFlow's log level, too)

import dataclasses
import os
import pathlib
import subprocess
import sys
from collections.abc import Iterator, Sequence

from absl import flags
from interleave import interleaved
from training_step import FLOAT, Sizes, TrainingStep, parse

from tfsv.files import write_json

_JUDGED = "kmeans@4"
FLAGS = flags.FlagValues()
_SCHEMES = flags.DEFINE_multi_string(
    "scheme",
    [
        _JUDGED,
        "kmeans:centroids=gradient@4",
        "kmeans@8",
        "uniform@4",
        "pot@4",
        "apot@4",
        "admm@1",
        "static_binary@1",
        "adaptive_binary@1",
        "binary_weight@1",
    ],
    "Scheme and bits to measure; repeat for more.",
    flag_values=FLAGS,
)
_QUICK = flags.DEFINE_bool(
    "quick",
    False,
    f"Only {_JUDGED}, 8 crops a batch, unless other flags say otherwise.",
    flag_values=FLAGS,
)
_NETWORK = flags.DEFINE_string("network", "resnet34", "Network.", flag_values=FLAGS)
_CHANNELS = flags.DEFINE_integer("channels", 32, "Its width.", 1, flag_values=FLAGS)
_BATCH_SIZE = flags.DEFINE_integer("batch_size", 32, "Crops in a batch.", 1, flag_values=FLAGS)
_CROP_SECONDS = flags.DEFINE_float("crop_seconds", 2.0, "Length of a crop.", 0.1, flag_values=FLAGS)
_CLASSES = flags.DEFINE_integer(
    "classes", 1211, "Speakers; VoxCeleb1 has 1,211 to train on.", 1, flag_values=FLAGS
)
_ROUNDS = flags.DEFINE_integer("rounds", 3, "Turns of each network.", 1, flag_values=FLAGS)
_MEMORY = flags.DEFINE_enum(
    "memory",
    "goal",
    ["none", "goal", "all"],
    f"Whose memory to measure; goal: {_JUDGED}'s.",
    flag_values=FLAGS,
)
_OUTPUT = flags.DEFINE_string("output", None, "JSON file for the outcome.", flag_values=FLAGS)

_QUICK_FLAGS = {"scheme": [_JUDGED], "batch_size": 8}
_LONGEST_STEP = 1.15
_MOST_MEMORY = 1.1


@dataclasses.dataclass(frozen=True)
class Row:
    """What was measured of one network.

    Attributes:
        scheme: Scheme and bits, or "float".
        best: Least time of a step, seconds.
        median: Median time of a step, seconds.
        ratio: Least time through the float network's.
        median_ratio: Median over the turns of the step's time through the float step's.
        memory: Peak bytes; None if not measured.
        first_refresh: Seconds to fit all codebooks for the first time; None without codebooks.
        refresh: Least seconds to fit them again after a step; None without codebooks.
    """

    scheme: str
    best: float
    median: float
    ratio: float
    median_ratio: float
    memory: int | None
    first_refresh: float | None
    refresh: float | None


def main(values: flags.FlagValues, arguments: Sequence[str]) -> None:
    if _QUICK.value:
        for flag, value in _QUICK_FLAGS.items():
            if not values[flag].present:
                values[flag].value = value
    sizes = Sizes(
        _NETWORK.value, _CHANNELS.value, _BATCH_SIZE.value, _CROP_SECONDS.value, _CLASSES.value
    )
    schemes = list(dict.fromkeys(_SCHEMES.value))
    for scheme in schemes:
        parse(scheme)
    print(
        f"{sizes.network} of {sizes.channels} channels, {sizes.batch_size} crops of "
        f"{sizes.crop_seconds} s, {os.cpu_count()} cores"
    )
    rows = _measure([FLOAT, *schemes], sizes)
    _print_table(rows)
    goals = list(_goals(rows))
    for text, value, limit in goals:
        print(f"{text:42}{value:6.3f} ≤ {limit:.2f}  {'met' if value <= limit else 'MISSED'}")
    if _OUTPUT.value:
        outcome = {
            "sizes": dataclasses.asdict(sizes),
            "cores": os.cpu_count(),
            "rows": [dataclasses.asdict(row) for row in rows],
            "goals": [
                {"text": text, "value": value, "limit": limit, "met": value <= limit}
                for text, value, limit in goals
            ],
        }
        write_json(_OUTPUT.value, outcome, indent=1)


def _measure(schemes: list[str], sizes: Sizes) -> list[Row]:
    weighed = {"none": (), "goal": (FLOAT, _JUDGED), "all": schemes}[_MEMORY.value]
    memory = {scheme: _memory(scheme, sizes) for scheme in schemes if scheme in weighed}
    works, fits = {}, {}
    for scheme in schemes:
        step = TrainingStep(scheme, sizes)
        step()  # traces
        works[scheme] = step
        if scheme != FLOAT:
            fits[scheme] = step.fit_seconds
            works[_refresh(scheme)] = step.refresh
    times = interleaved(works, _ROUNDS.value, warm=0)
    return [
        Row(
            scheme=scheme,
            best=times[scheme].best,
            median=times[scheme].median,
            ratio=times[scheme].best / times[FLOAT].best,
            median_ratio=times[scheme].median_ratio(times[FLOAT]),
            memory=memory.get(scheme),
            first_refresh=fits.get(scheme),
            refresh=times[_refresh(scheme)].best if scheme in fits else None,
        )
        for scheme in schemes
    ]


def _refresh(scheme: str) -> str:
    return f"refresh {scheme}"


def _memory(scheme: str, sizes: Sizes) -> int:
    script = pathlib.Path(__file__).with_name("training_memory.py")
    numbers = [str(value) for value in dataclasses.astuple(sizes)]
    finished = subprocess.run(
        [sys.executable, str(script), scheme, *numbers], capture_output=True, text=True
    )
    if finished.returncode:
        raise RuntimeError(f"{script.name} {scheme} failed: {finished.stderr}")
    return int(finished.stdout)


def _print_table(rows: list[Row]) -> None:
    float_row, *_ = rows
    print(f"{'':30}{'step, s':^16}{'time ÷ float':^16}{'memory':^16}{'fit of all codebooks':^24}")
    print(
        f"{'':30}{'least':>8}{'median':>8}{'least':>8}{'median':>8}{'MB':>8}{'÷float':>8}"
        f"{'first':>8}{'warm':>8}{'÷step':>8}"
    )
    for row in rows:
        line = f"{row.scheme:30}{row.best:8.3f}{row.median:8.3f}"
        line += f"{row.ratio:8.3f}{row.median_ratio:8.3f}"
        if row.memory is not None:
            line += f"{row.memory / 1e6:8.0f}{row.memory / float_row.memory:8.3f}"
        else:
            line += " " * 16
        if row.refresh is not None:
            line += f"{1e3 * row.first_refresh:8.0f}{1e3 * row.refresh:8.0f}"
            line += f"{row.refresh / float_row.best:8.3f}"
        print(line.rstrip())


def _goals(rows: list[Row]) -> Iterator[tuple[str, float, float]]:
    """What the step promises for the scheme that is judged: (text, measured, at most)."""
    float_row, *_ = rows
    for row in rows:
        if row.scheme == _JUDGED:
            yield f"{_JUDGED}: step ÷ float step", row.ratio, _LONGEST_STEP
            if row.memory is not None:
                yield f"{_JUDGED}: memory ÷ float", row.memory / float_row.memory, _MOST_MEMORY
            yield f"{_JUDGED}: refresh ÷ float step", row.refresh / float_row.best, 1.0


if __name__ == "__main__":
    Command("benchmarks/training.py", __doc__, FLAGS, main, program="python").run()
