"""What silence in front of, behind and inside recordings does to decisions.

    python benchmarks/silence.py --model=demo --trials=../shared/data/trials/test_more.txt \
        --root=../shared/data --output=silence.png

prints a table and draws it. The threshold is the one at which 1 % of the list's strangers are
accepted when nothing was added. Then the same is added to every recording, on both sides of a trial
or on the test side only.
"""

import pathlib
from collections.abc import Callable

import matplotlib
import numpy as np
from absl import app, flags

from tfsv.audio import SAMPLE_RATE, soundfiles
from tfsv.audio.sounding import sounding_frames
from tfsv.tasks.opening import open_model
from tfsv.verification.recordings import recording_paths
from tfsv.verification.trials import read_trials, some_trials

_MODEL = flags.DEFINE_list("model", ["demo"], "Models to compare: files, folders or names.")
_TRIALS = flags.DEFINE_string("trials", None, "Trial list.", required=True)
_ROOT = flags.DEFINE_string("root", None, "Folder that the list's paths start from.", required=True)
_RECORDINGS = flags.DEFINE_integer("recordings", 250, "Most recordings to embed.")
_FALSE_ACCEPTS = flags.DEFINE_float("false_accepts", 0.01, "Rate that gives the threshold.")
_OUTPUT = flags.DEFINE_string("output", None, "Picture to draw.")

_HISS = 1e-4  # RMS: -80 dB

Change = Callable[[np.ndarray], np.ndarray]


def main(arguments: list[str]) -> None:
    """Measures each model and prints its table."""
    del arguments
    trials = some_trials(read_trials(_TRIALS.value), _RECORDINGS.value, seed=1)
    waveforms = [soundfiles.read(path) for path in recording_paths(trials, _ROOT.value, None)]
    sound = np.mean([sounding_frames(waveform).mean() for waveform in waveforms])
    print(
        f"{len(waveforms)} recordings, {len(trials)} trials, {100 * sound:.1f} % of frames sound\n"
    )
    accepted = {}
    for name in _MODEL.value:
        rows = accepted[pathlib.PurePath(name).stem] = {}
        embedder = open_model(name)

        def embeddings(change: Change, embedder=embedder) -> np.ndarray:
            return np.stack([embedder.embed_long(change(waveform)) for waveform in waveforms])

        plain = embeddings(lambda waveform: waveform)
        threshold, stranger = None, trials.labels == 0
        print(f"{name:24}  strangers accepted %   true pairs rejected %")
        print(f"{'':24}  both sides   test only   both sides   test only   cosine to plain")
        for what, change in changes().items():
            changed = embeddings(change)
            both = np.sum(changed[trials.enrol] * changed[trials.test], axis=1)
            one = np.sum(plain[trials.enrol] * changed[trials.test], axis=1)
            if threshold is None:
                threshold = np.quantile(both[stranger], 1 - _FALSE_ACCEPTS.value)
            rates = [100 * np.mean(scores[stranger] >= threshold) for scores in (both, one)]
            misses = [100 * np.mean(scores[~stranger] < threshold) for scores in (both, one)]
            rows[what] = rates[0], misses[1]
            figures = "".join(f"{rate:12.1f}" for rate in (*rates, *misses))
            print(f"  {what:22}{figures}{np.mean(np.sum(plain * changed, axis=1)):18.3f}")
        print()
    if _OUTPUT.value:
        draw(accepted, _OUTPUT.value)


def changes() -> dict[str, Change]:
    """What is done to recordings, by name; the first one is nothing."""
    random = np.random.default_rng(0)

    def zeros(seconds: float) -> np.ndarray:
        return np.zeros(int(seconds * SAMPLE_RATE), np.float32)

    def hiss(seconds: float) -> np.ndarray:
        return (_HISS * random.normal(size=int(seconds * SAMPLE_RATE))).astype(np.float32)

    def clicks(seconds: float) -> np.ndarray:
        sound = zeros(seconds)
        for place in range(3000, len(sound) - 20, 7000):
            sound[place : place + 20] = 0.5
        return sound

    def inside(make: Callable[[float], np.ndarray], seconds: float) -> Change:
        def change(waveform: np.ndarray) -> np.ndarray:
            half = len(waveform) // 2
            return np.concatenate([waveform[:half], make(seconds), waveform[half:]])

        return change

    def front(make: Callable[[float], np.ndarray], seconds: float) -> Change:
        return lambda waveform: np.concatenate([make(seconds), waveform])

    return {
        "nothing": lambda waveform: waveform,
        "0.1 s of zeros": front(zeros, 0.1),
        "0.5 s of zeros": front(zeros, 0.5),
        "2 s of zeros": front(zeros, 2.0),
        "2 s of zeros behind": lambda waveform: np.concatenate([waveform, zeros(2.0)]),
        "2 s of zeros, clicks": front(clicks, 2.0),
        "2 s of noise, -80 dB": front(hiss, 2.0),
        "pause, 1 s of zeros": inside(zeros, 1.0),
        "pause, 1 s at -80 dB": inside(hiss, 1.0),
        "20 dB less": lambda waveform: np.float32(0.1) * waveform,
    }


def draw(accepted: dict[str, dict[str, tuple[float, float]]], path: str) -> None:
    """Bars of strangers accepted (both sides) and of true pairs rejected (test side only)."""
    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(10, 4.5), sharey=True, layout="constrained")
    titles = ("strangers accepted %, both sides changed", "true pairs rejected %, one side changed")
    height = 0.8 / len(accepted)
    for column, (axis, title) in enumerate(zip(axes, titles, strict=True)):
        for number, (name, rows) in enumerate(accepted.items()):
            places = np.arange(len(rows)) + number * height
            axis.barh(places, [row[column] for row in rows.values()], height, label=name)
        axis.set_yticks(np.arange(len(rows)) + 0.4 - height / 2, list(rows))
        axis.set_title(title, fontsize=10)
        axis.set_xlim(0, 100)
        axis.grid(axis="x", alpha=0.3)
    axes[0].invert_yaxis()
    axes[1].legend(loc="lower right")
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    app.run(main)
