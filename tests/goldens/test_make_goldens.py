import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from tfsv.audio import soundfiles
from tfsv.errors import InputError
from tfsv.goldens import checking as golden_check
from tfsv.goldens.checking import INDEX, OTHER_KIND, SAME_KIND, check_goldens, tolerance
from tfsv.goldens.separator_writing import GOLDEN_SEPARATORS
from tfsv.goldens.writing import GOLDEN_MODELS, write_goldens
from tfsv.verification.normalisation import cohort_statistics
from tfsv.verification.tflite_embedder import TFLiteEmbedder

ROOT = pathlib.Path(__file__).resolve().parents[2]
COMMITTED = ROOT / "mobile_demo" / "golden"


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A folder of two models, one of which has a cohort, and its index."""
    folder = tmp_path_factory.mktemp("golden")
    names = ("packed_2bit", "packed_4bit")
    return folder, write_goldens(folder, {name: GOLDEN_MODELS[name] for name in names}, {})


def test_what_is_written_agrees_with_this_machine(written):
    folder, index = written
    compared = [*check_goldens(folder)]
    assert all(line.passed for line in compared)
    assert len(compared) == 2 * (1 + len(index["utterances"]) + 2 * len(index["trials"]))
    assert {line.subject for line in compared} >= {"expanded", *index["utterances"]}
    for model, bearable in zip(index["models"], (OTHER_KIND.score, OTHER_KIND.ratio), strict=True):
        assert set(model["accepted"]) == {True, False}
        margin = np.abs(np.array(model["scores"]) - model["threshold"]).min()
        assert margin > bearable


def test_some_committed_models_normalise_some_calibrate_and_some_do_neither():
    index = json.loads((COMMITTED / INDEX).read_text())
    scorers = {}
    for model in index["models"]:
        embedder = TFLiteEmbedder(COMMITTED / model["file"])
        assert model["threshold"] == embedder.threshold(0.01)
        scorers[model["name"]] = embedder.scorer
    with_scorer = {name: scorer for name, scorer in scorers.items() if scorer is not None}
    assert with_scorer.keys() == {"int8", "packed_4bit"}
    assert with_scorer["int8"].cohort is None
    assert with_scorer["packed_4bit"].cohort.shape == (24, 32)
    # Seconds, differences of level and imposter means lie below, within and beyond what counts.
    seconds = [sound["seconds"] for sound in index["sounds"]]
    calibration = with_scorer["int8"].calibration
    assert min(seconds) < calibration.duration.lowest < max(seconds)
    assert sum(seconds[:2]) > calibration.duration.highest
    levels = [sound["level"] for sound in index["sounds"]]
    assert max(levels) - min(levels) > calibration.level.highest
    with_cohort = TFLiteEmbedder(COMMITTED / "packed_4bit.tflite")
    means = cohort_statistics(
        np.stack(
            [with_cohort.embed(soundfiles.read(COMMITTED / name)) for name in index["utterances"]]
        ),
        with_cohort.scorer.cohort,
        with_cohort.scorer.top,
    ).means
    bounds = with_cohort.scorer.calibration.imposter_mean
    assert min(means) < bounds.lowest < bounds.highest < max(means)


def test_the_committed_files_agree_and_are_small():
    command = [sys.executable, ROOT / "tools" / "make_goldens.py", f"--check={COMMITTED}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].endswith(" 0 failed")
    models = {*GOLDEN_MODELS, *GOLDEN_SEPARATORS}
    assert {path.stem for path in COMMITTED.glob("*.tflite")} == models
    assert all(f"{name}: mixture.wav: " in done.stdout for name in GOLDEN_SEPARATORS)
    assert sum(path.stat().st_size for path in COMMITTED.iterdir()) < 1_400_000


@pytest.mark.parametrize("file, subject", [("packed_2bit.embeddings", "speaker0_0.wav")])
def test_a_golden_bit_that_is_turned_over_is_noticed(written, tmp_path, file, subject):
    for path in written[0].iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    content = bytearray((tmp_path / file).read_bytes())
    content[0] ^= 1
    (tmp_path / file).write_bytes(content)
    failed = [line.subject for line in check_goldens(tmp_path) if not line.passed]
    assert failed == [subject]


def test_a_changed_second_of_sound_is_noticed_where_scores_are_calibrated(written, tmp_path):
    for path in written[0].iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    index = json.loads((tmp_path / INDEX).read_text())
    index["sounds"][2]["seconds"] += 0.3
    (tmp_path / INDEX).write_text(json.dumps(index))
    failed = [line for line in check_goldens(tmp_path) if not line.passed]
    assert {line.model for line in failed} == {"packed_4bit"}
    assert {line.subject.partition(", ")[2] for line in failed} == {"golden embeddings"}


def test_exactness_is_asked_of_the_same_kind_of_machine_only(written, monkeypatch):
    index = written[1]
    assert tolerance(index) is SAME_KIND
    monkeypatch.setattr(golden_check.platform, "machine", lambda: "aarch64")
    assert tolerance(index) is OTHER_KIND


def test_a_folder_without_an_index_is_named(tmp_path):
    with pytest.raises(InputError, match="no golden files"):
        [*check_goldens(tmp_path)]
    (tmp_path / INDEX).write_text("{")
    with pytest.raises(InputError, match="no golden files"):
        [*check_goldens(tmp_path)]
    (tmp_path / INDEX).write_text('{"schema": 1}')
    with pytest.raises(InputError, match="another version"):
        [*check_goldens(tmp_path)]
