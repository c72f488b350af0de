"""Separators, and what they lie between: the mixture below, the talker alone in the room above.

    python benchmarks/separation_references.py --corpus=corpus/manifest.tsv \\
        --test_bank=banks/test --transcripts=an4_text.tsv --separators=demo_separator

Rows are microphone 1 as it is, separators, an ideal ratio mask, the target itself (the reverberant
image at microphone 1), and the talker's direct sound. Word errors of the last two are floors: the
recogniser errs in clean speech, and more in a room.
"""

from collections.abc import Callable, Iterable, Iterator

import numpy as np
from absl import app, flags

from tfsv.audio.manifest import read_manifest
from tfsv.files import write_json
from tfsv.separation.angle_ranges import NAMES
from tfsv.separation.evaluation import Measures, Scored, score_sound
from tfsv.separation.measured_mixtures import MeasuredMixture, measured_mixtures
from tfsv.separation.mixture_settings import MixtureSettings
from tfsv.separation.recognition import Recogniser
from tfsv.separation.response_bank import ResponseBank
from tfsv.separation.spectra import Spectra, Waveforms
from tfsv.separation.talkers import Talkers
from tfsv.separation.transcripts import read_transcripts, sentences_of
from tfsv.tasks.opening import open_separator
from tfsv.text_tables import aligned

_CORPUS = flags.DEFINE_string("corpus", None, "Path of a manifest.", required=True)
_BANK = flags.DEFINE_string("test_bank", None, "Bank of rooms.", required=True)
_TOLD = flags.DEFINE_string("transcripts", None, "Table of transcripts.", required=True)
_MIXTURES = flags.DEFINE_integer("test_mixtures", 150, "Mixtures of each range of angles.")
_SEPARATORS = flags.DEFINE_list("separators", [], "Separators to measure too.")
_OUTPUT = flags.DEFINE_string("output", None, "JSON to write. Default: none.")


def main(arguments: list[str]) -> None:
    """Scores the references and prints a table."""
    del arguments
    told = read_transcripts(_TOLD.value)
    recogniser = Recogniser(sentences_of(told, "train"))
    talkers = Talkers(read_manifest(_CORPUS.value).split("test"))
    bank = ResponseBank(_BANK.value)
    perceived, heard_only = Measures(True, recogniser), Measures(False, recogniser)

    def mixtures(wanted: str = "reverberant") -> Iterator[MeasuredMixture]:
        settings = MixtureSettings(wanted=wanted)
        return measured_mixtures(talkers, bank, settings, _MIXTURES.value, told)

    systems = {
        "microphone 1": _scored(mixtures(), lambda one: one.mixture.heard[0], perceived),
        **{name: _scored(mixtures(), _separating(name), perceived) for name in _SEPARATORS.value},
        "ideal ratio mask": _scored(mixtures(), _ideal, perceived),
        "target": _scored(mixtures(), lambda one: one.mixture.wanted, heard_only),
        "direct sound": _scored(mixtures("dry"), lambda one: one.mixture.wanted, heard_only),
    }
    columns = ("si_snr", "pesq_nb", "pesq_wb", "stoi", "errors")
    table = [["system", "range", "SI-SNR dB", "PESQ nb", "PESQ wb", "STOI", "word errors %"]]
    found: dict[str, dict[str, dict[str, float]]] = {}
    for system, scored in systems.items():
        for name in NAMES:
            values = [one.values for one in scored if one.range_name == name]
            row = {key: _mean(values, key) for key in columns}
            found.setdefault(system, {})[name] = row
            texts = [_text(100 * x if k == "errors" else x) for k, x in row.items()]
            table.append([system, name, *texts])
    print(aligned(table))
    if _OUTPUT.value:
        write_json(_OUTPUT.value, found)


def _scored(
    mixtures: Iterable[MeasuredMixture],
    system: Callable[[MeasuredMixture], np.ndarray],
    measures: Measures,
) -> list[Scored]:
    """What is measured of a system that knows the mixture's parts."""
    two = (one for one in mixtures if one.range_name in NAMES)
    return [score_sound(system(one), one, measures) for one in two]


def _separating(name: str) -> Callable[[MeasuredMixture], np.ndarray]:
    separate, _ = open_separator(name)
    return lambda one: separate(one.mixture.heard, one.mixture.angle)


def _ideal(one: MeasuredMixture) -> np.ndarray:
    """The mixture under the ratio of the target's and all magnitudes."""
    wanted, heard = one.mixture.wanted, one.mixture.heard[0]
    spectra = {name: [part.numpy() for part in Spectra()(sound[np.newaxis])]
               for name, sound in (("wanted", wanted), ("rest", heard - wanted))}  # fmt: skip
    sizes = {name: np.hypot(*parts) for name, parts in spectra.items()}
    mask = sizes["wanted"] / np.maximum(sizes["wanted"] + sizes["rest"], 1e-9)
    real, imaginary = (mask * (a + b) for a, b in zip(*spectra.values(), strict=True))
    return Waveforms()((real, imaginary))[0].numpy()[: len(heard)]


def _text(value: float) -> str:
    return f"{value:.2f}" if np.isfinite(value) else "–"


def _mean(values: list[dict[str, float]], key: str) -> float:
    weight = sum(one.get("words", 0) for one in values) if key == "errors" else None
    found = [one[key] for one in values if key in one]
    if not found:
        return float("nan")
    return sum(found) / (weight or len(found))


if __name__ == "__main__":
    app.run(main)
