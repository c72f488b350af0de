"""Whether a voice is verified when somebody else talks too: as heard, and separated first.

    python benchmarks/separate_then_verify.py --corpus=corpus/manifest.tsv \\
        --test_bank=banks/test --separators=half.tflite,half_4bit.tflite --models=demo

Tests are simulated mixtures of two test talkers. The voice at the asked angle is compared with
another recording of its talker, and with recordings of strangers of the same corpus. Rows are
microphone 1 as it is, each separator, and the talker alone in the same room. The last column is how
often the other talker of the mixture is accepted, at the threshold of equal error rates.
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping

import numpy as np
import tqdm
from absl import app, flags

from tfsv.audio.manifest import Manifest, Utterance, read_manifest
from tfsv.audio.soundfiles import read
from tfsv.errors import InputError
from tfsv.files import write_json
from tfsv.separation.angle_ranges import NAMES
from tfsv.separation.measured_mixtures import MeasuredMixture, measured_mixtures
from tfsv.separation.mixture_settings import MixtureSettings
from tfsv.separation.response_bank import ResponseBank
from tfsv.separation.talkers import Talkers
from tfsv.tasks.opening import open_model, open_separator
from tfsv.text_tables import aligned
from tfsv.verification.embedder import Embedder
from tfsv.verification.extraction import voice_of_waveform
from tfsv.verification.metrics import eer, threshold_at_eer
from tfsv.verification.scorer import scorer_of
from tfsv.verification.voices import Voice

_CORPUS = flags.DEFINE_string("corpus", None, "Path of a manifest.", required=True)
_BANK = flags.DEFINE_string("test_bank", None, "Bank of rooms.", required=True)
_SEPARATORS = flags.DEFINE_list("separators", ["demo_separator"], "Separators.")
_MODELS = flags.DEFINE_list("models", ["demo"], "Models that verify.")
_MIXTURES = flags.DEFINE_integer("test_mixtures", 150, "Mixtures of each range of angles.", 1)
_OUTPUT = flags.DEFINE_string("output", None, "JSON to write. Default: none.")

_STRANGERS = 4  # of a test
_DRAWS = 300  # of the bootstrap


@dataclasses.dataclass(frozen=True)
class _Trials:
    """Scores of all trials of a row, and the talkers whom the tests are of."""

    targets: list[float] = dataclasses.field(default_factory=list)
    strangers: list[list[float]] = dataclasses.field(default_factory=list)
    others: list[float] = dataclasses.field(default_factory=list)
    talkers: list[str] = dataclasses.field(default_factory=list)

    def eer(self, chosen: np.ndarray | None = None) -> float:
        """The EER of all tests, or of those that were chosen."""
        return eer(*self._list(chosen))

    def other_accepted(self) -> float:
        """How often the mixture's other talker passes at the threshold of the EER."""
        return float(np.mean(np.array(self.others) >= threshold_at_eer(*self._list(None))))

    def interval(self) -> tuple[float, float]:
        """95 % of the bootstrap over talkers."""
        random, talkers = np.random.default_rng(0), np.array(self.talkers)
        places = [np.flatnonzero(talkers == name) for name in np.unique(talkers)]
        draws = [
            self.eer(
                np.concatenate([places[n] for n in random.integers(len(places), size=len(places))])
            )
            for _ in range(_DRAWS)
        ]
        low, high = np.percentile(draws, [2.5, 97.5])
        return float(low), float(high)

    def _list(self, chosen: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        targets, strangers = np.array(self.targets), np.array(self.strangers)
        if chosen is not None:
            targets, strangers = targets[chosen], strangers[chosen]
        scores = np.concatenate([targets, strangers.reshape(-1)])
        return scores, np.arange(len(scores)) < len(targets)


@dataclasses.dataclass(frozen=True)
class _Test:
    """A mixture with the recordings that it is compared with."""

    one: MeasuredMixture
    target: Utterance
    strangers: list[Utterance]
    other: Utterance


def main(arguments: list[str]) -> None:
    """Scores all rows and prints a table."""
    del arguments
    manifest = read_manifest(_CORPUS.value).split("test")
    talkers, bank = Talkers(manifest), ResponseBank(_BANK.value)
    mixtures = measured_mixtures(talkers, bank, MixtureSettings(), _MIXTURES.value)
    two = (one for one in mixtures if one.range_name in NAMES)
    systems: dict[str, Callable[[MeasuredMixture], np.ndarray]] = {
        "microphone 1": lambda one: one.mixture.heard[0]
    }
    for path in _SEPARATORS.value:
        separate, _ = open_separator(path)
        systems[path] = lambda one, run=separate: run(one.mixture.heard, one.mixture.angle)
    systems["alone in the room"] = lambda one: one.mixture.wanted
    models = {name: open_model(name) for name in _MODELS.value}
    found = _scored(_tests(two, manifest), systems, models, manifest)
    table = [["model", "test", "EER %", "95 %", *NAMES, "other talker accepted %"]]
    for (model, system), ranges in found.items():
        every = ranges["all"]
        low, high = every.interval()
        row = [f"{100 * ranges[name].eer():.1f}" for name in NAMES]
        table.append([
            model, system, f"{100 * every.eer():.1f}", f"{100 * low:.1f}–{100 * high:.1f}", *row,
            f"{100 * every.other_accepted():.0f}",
        ])  # fmt: skip
    print(aligned(table))
    if _OUTPUT.value:
        write_json(_OUTPUT.value, [dict(zip(table[0], row, strict=True)) for row in table[1:]])


def _tests(mixtures: Iterator[MeasuredMixture], manifest: Manifest) -> Iterator[_Test]:
    """Mixtures whose talker was recorded twice, with strangers of the talker's corpus."""
    by_speaker: dict[str, list[Utterance]] = {}
    for utterance in manifest:
        by_speaker.setdefault(utterance.speaker, []).append(utterance)
    corpus = {name: spoken[0].extra.get("corpus") for name, spoken in by_speaker.items()}
    for number, one in enumerate(mixtures):
        again = [u for u in by_speaker[one.talker] if u.path != one.path]
        present = {one.talker, one.other}
        rest = [n for n in by_speaker if corpus[n] == corpus[one.talker] and n not in present]
        if not again or len(rest) < _STRANGERS:
            continue
        random = np.random.default_rng([number, 5])
        chosen = [rest[n] for n in random.choice(len(rest), _STRANGERS, replace=False)]
        drawn = [by_speaker[name][random.integers(len(by_speaker[name]))] for name in chosen]
        others = by_speaker[one.other]
        yield _Test(
            one, again[random.integers(len(again))], drawn, others[random.integers(len(others))]
        )


def _scored(
    tests: Iterator[_Test],
    systems: Mapping[str, Callable[[MeasuredMixture], np.ndarray]],
    models: Mapping[str, Embedder],
    manifest: Manifest,
) -> dict[tuple[str, str], dict[str, _Trials]]:
    """Trials by model and system, of all ranges and of each."""
    found = {
        (model, system): {name: _Trials() for name in ("all", *NAMES)}
        for model in models
        for system in systems
    }
    enrolled: dict[tuple[str, str], Voice] = {}

    def enrolment(model: str, utterance: Utterance) -> Voice:
        key = (model, utterance.path)
        if key not in enrolled:
            sound = read(manifest.recording(utterance))
            enrolled[key] = voice_of_waveform(models[model], sound)
        return enrolled[key]

    for test in tqdm.tqdm(tests, desc="tests", total=4 * _MIXTURES.value, dynamic_ncols=True):
        sounds = {name: system(test.one) for name, system in systems.items()}
        for model, embedder in models.items():
            score = scorer_of(embedder).score
            try:
                voices = {name: voice_of_waveform(embedder, x) for name, x in sounds.items()}
            except InputError:  # a target of a second may have too little sound in it
                continue
            sides = [enrolment(model, u) for u in (test.target, test.other, *test.strangers)]
            for system, voice in voices.items():
                target, other, *strangers = (score(side, voice) for side in sides)
                for name in ("all", test.one.range_name):
                    trials = found[model, system][name]
                    trials.targets.append(target)
                    trials.others.append(other)
                    trials.strangers.append(strangers)
                    trials.talkers.append(test.one.talker)
    return found


if __name__ == "__main__":
    app.run(main)
