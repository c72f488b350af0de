"""Measuring a separator: SI-SNR and its gain, levels, PESQ, STOI and word errors of mixtures."""

import collections
import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import tqdm

from tfsv.errors import InputError
from tfsv.report import Measurement, Report
from tfsv.resampling import percentiles
from tfsv.separation.angle_ranges import NAMES
from tfsv.separation.intervals import bootstrap_means
from tfsv.separation.measured_mixtures import MeasuredMixture
from tfsv.separation.model_card import TASK
from tfsv.separation.perceptual import BANDS, pesq, stoi
from tfsv.separation.recognition import Recogniser, word_errors
from tfsv.separation.si_snr import si_snr

Separate = Callable[[np.ndarray, float], np.ndarray]
"""Function from what microphones hear, float32 `[microphones, samples]`, and an angle in degrees to
the sound from there, float `[samples]`."""


@dataclasses.dataclass(frozen=True)
class Measures:
    """What is measured beside SI-SNR, each of which takes a library of the extra `separation`.

    Example:
        >>> measures = Measures(perceptual=True, recogniser=Recogniser(sentences))

    Attributes:
        perceptual: Whether PESQ in both bands and STOI are measured.
        recogniser: What hears words, where a mixture's are known. None: no words are counted.
    """

    perceptual: bool = False
    recogniser: Recogniser | None = None


@dataclasses.dataclass(frozen=True)
class Scored:
    """What was measured of one mixture.

    Attributes:
        name: Name of the mixture.
        range_name: Name of its range of angles, or "nobody".
        talkers: The talker who is asked for and the other one.
        values: Measured values by name. `gain` is the gain of SI-SNR over microphone 1, dB; `level`
            the level of the output over that of the target, or over the mixture's where nobody
            talks, dB; `words` and `errors` are counts.
    """

    name: str
    range_name: str
    talkers: tuple[str, str]
    values: Mapping[str, float]


def score_mixtures(
    separate: Separate,
    mixtures: Iterable[MeasuredMixture],
    measures: Measures,
    total: int | None = None,
) -> list[Scored]:
    """Separates mixtures and measures what comes out.

    Example:
        >>> scored = score_mixtures(separate, measured_mixtures(...), Measures())

    Args:
        separate: The separator.
        mixtures: The mixtures.
        measures: What is measured beside SI-SNR and level.
        total: Number of mixtures, for the progress bar. None: it shows no end.

    Raises:
        InputError: The separator gives something else than finite sound of the right length, or a
            library is missing.
    """
    bar = tqdm.tqdm(mixtures, total=total, desc="mixtures", unit="mixture", dynamic_ncols=True)
    return [
        score_sound(separate(one.mixture.heard, one.mixture.angle), one, measures) for one in bar
    ]


def score_sound(sound: np.ndarray, one: MeasuredMixture, measures: Measures) -> Scored:
    """Measures what a system made of a mixture.

    Example:
        >>> score_sound(one.mixture.heard[0], one, Measures()).values["gain"]
        0.0

    Args:
        sound: What it gives, float `[samples]`.
        one: The mixture.
        measures: What is measured beside SI-SNR and level.

    Raises:
        InputError: It is no finite sound of the mixture's length, or a library is missing.
    """
    values = _values(sound, one, measures)
    return Scored(one.name, one.range_name, (one.talker, one.other), values)


def separation_report(scored: Sequence[Scored], replicates: int = 1000) -> Report:
    """Means over mixtures with intervals over talkers.

    The first measurement is the gain of SI-SNR, the mean over the ranges of angles. Every range has
    as many mixtures, so it is the mean over mixtures too.

    Example:
        >>> separation_report(scored).main.heading
        'SI-SNR gain dB'

    Args:
        scored: What was measured of each mixture.
        replicates: Draws of the bootstrap.

    Returns:
        The report. It has no intervals where a measurement has too few talkers for them.
    """
    with_two = [one for one in scored if one.range_name in NAMES]
    quiet = [one for one in scored if one.range_name not in NAMES]

    def measured(
        name: str, title: str, unit: str, key: str, among: Sequence[Scored], **more: bool | str
    ) -> Measurement | None:
        weight = more.pop("per", None)
        among = [one for one in among if key in one.values]
        if not among:
            return None
        values = np.array([one.values[key] for one in among])
        weights = np.array([one.values[weight] for one in among]) if weight else None
        talkers = tuple(np.array([one.talkers for one in among]).T)
        mean = values.sum() / (len(values) if weights is None else weights.sum())
        found = Measurement(name, float(mean), title, unit, **more)
        try:
            drawn = bootstrap_means(values, weights=weights, talkers=talkers, replicates=replicates)
        except InputError:
            return found  # too few talkers to draw from
        return dataclasses.replace(found, interval=percentiles(drawn), replicates=drawn)

    better = {"lower_is_better": False}
    found = [
        measured("gain", "SI-SNR gain", "dB", "gain", with_two, **better),
        *(
            measured(
                f"gain_{name}", f"gain {name}", "dB", "gain",
                [one for one in with_two if one.range_name == name], **better,
            )
            for name in NAMES
        ),
        measured("si_snr", "SI-SNR", "dB", "si_snr", with_two, **better),
        *(
            measured(f"pesq_{band}", f"PESQ {band}", "", f"pesq_{band}", with_two, **better)
            for band in BANDS
        ),
        measured("stoi", "STOI", "", "stoi", with_two, **better),
        measured("wer", "word errors", "%", "errors", with_two, per="words"),
        measured("level", "level", "dB", "level", with_two),
        measured("nobody", "where nobody talks", "dB", "level", quiet),
    ]  # fmt: skip
    kept = [one for one in found if one is not None]
    if any(one.replicates is None for one in kept):
        kept = [dataclasses.replace(one, interval=None, replicates=None) for one in kept]
    return Report(TASK, tuple(kept), {"mixtures": len(scored), "by_range": _by_range(scored)})


def _values(sound: np.ndarray, one: MeasuredMixture, measures: Measures) -> dict[str, float]:
    heard, wanted = one.mixture.heard[0], one.mixture.wanted
    if not wanted.any():
        return {"level": _level(sound) - _level(heard)}
    after, before = si_snr(sound, wanted, one.name), si_snr(heard, wanted, one.name)
    values = {"si_snr": after, "gain": after - before, "level": _level(sound) - _level(wanted)}
    if measures.perceptual:
        for band in BANDS:
            values[f"pesq_{band}"] = pesq(sound, wanted, band, one.name)
        values["stoi"] = stoi(sound, wanted, one.name)
    if measures.recogniser is not None and one.words:
        counts = word_errors(one.words, measures.recogniser.words(sound, one.name))
        values |= {"words": counts.words, "errors": counts.errors}
    return values


def _level(sound: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(np.square(sound, dtype=np.float64)) + 1e-12))


def _by_range(scored: Sequence[Scored]) -> dict[str, dict[str, float]]:
    """Means of each range, and the sums of what is counted."""
    values: dict[str, dict[str, list[float]]] = {}
    for one in scored:
        row = values.setdefault(one.range_name, collections.defaultdict(list))
        for key, value in one.values.items():
            row[key].append(value)
    counts = ("words", "errors")
    return {
        name: {k: float(np.sum(v) if k in counts else np.mean(v)) for k, v in row.items()}
        for name, row in values.items()
    }
