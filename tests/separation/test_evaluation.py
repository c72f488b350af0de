"""Reports of separation against sums by hand."""

import numpy as np
import pytest

from tfsv.errors import InputError
from tfsv.separation.angle_ranges import NAMES
from tfsv.separation.evaluation import Measures, Scored, score_sound, separation_report
from tfsv.separation.measured_mixtures import MeasuredMixture
from tfsv.separation.rendering import Mixture


class Deaf:
    """A recogniser that hears the same words in everything."""

    def words(self, waveform, name):
        return ["ONE", "TWO"]


def measured(name="15-45/000", words=(), silent=False):
    random = np.random.default_rng(3)
    wanted, other = random.normal(0, 0.1, (2, 8000)).astype(np.float32)
    wanted = np.zeros_like(wanted) if silent else wanted
    heard = np.tile(wanted + other, (2, 1))
    return MeasuredMixture(
        name, name.split("/")[0], "a", "b", 0.0, Mixture(heard, wanted, 30.0), words
    )


def test_values_of_a_sound_are_those_of_its_parts():
    pytest.importorskip("jiwer")
    one = measured(words=("ONE", "SIX", "TWO", "TWO"))
    wanted, heard = one.mixture.wanted, one.mixture.heard[0]
    sound = 2 * (wanted + 0.1 * (heard - wanted))
    values = score_sound(sound, one, Measures(recogniser=Deaf())).values
    ratio = 20 * np.log10(wanted.std() / (heard - wanted).std())
    assert values["si_snr"] == pytest.approx(20 + ratio, abs=0.1)
    assert values["gain"] == pytest.approx(20, abs=0.1)
    assert values["level"] == pytest.approx(20 * np.log10(2), abs=0.1)
    assert (values["words"], values["errors"]) == (4, 2)
    nobody = measured("nobody/000", silent=True)
    quiet = score_sound(0.1 * nobody.mixture.heard[0], nobody, Measures())
    assert quiet.values == {"level": pytest.approx(-20, abs=0.1)}


def test_a_report_has_means_by_range_and_intervals_over_talkers():
    random = np.random.default_rng(1)
    scored = []
    for number in range(160):
        values = {"si_snr": random.normal(5), "gain": random.normal(6), "level": random.normal(0)}
        if number % 2:
            values |= {"words": 4 + number % 3, "errors": number % 4}
        talkers = (f"t{random.integers(20)}", f"u{random.integers(20)}")
        scored.append(Scored(f"{number}", NAMES[number % 4], talkers, values))
    scored += [Scored(f"n{n}", "nobody", (f"t{n}",) * 2, {"level": -20.0 - n}) for n in range(8)]
    report = separation_report(scored, replicates=200)
    gains = np.array([one.values["gain"] for one in scored[:160]])
    assert report.main.value == pytest.approx(gains.mean())
    assert report["gain_45-90"].value == pytest.approx(gains[2::4].mean())
    words, errors = (sum(one.values.get(k, 0) for one in scored) for k in ("words", "errors"))
    assert report["wer"].value == pytest.approx(errors / words)
    assert report["nobody"].value == pytest.approx(-23.5)
    for one in report:
        low, high = one.interval
        assert low < one.value < high and len(one.replicates) == 200
    assert report.details["by_range"]["0-15"]["gain"] == pytest.approx(gains[::4].mean())


def test_a_system_that_gives_no_sound_is_one_line():
    one = measured()
    with pytest.raises(InputError, match="15-45/000: .*one length"):
        score_sound(np.zeros(10), one, Measures())
    with pytest.raises(InputError, match="15-45/000: 8000 of its"):
        score_sound(np.full(8000, np.nan), one, Measures())
