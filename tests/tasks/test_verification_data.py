"""Speech as the data of a run: what is found before the training."""

import types

import numpy as np
import pytest

from tfsv.audio.manifest import Utterance, write_manifest
from tfsv.errors import InputError
from tfsv.tasks.verification_data import SpeechTraining
from tfsv.verification.methods.perturbation import Perturbation, PerturbationSettings
from tfsv.verification.settings import SpeakerObjective, SpeechData


@pytest.fixture
def corpus(tmp_path):
    rows = []
    for split in ("train", "dev", "test"):
        for speaker in range(2):
            for take in range(3):
                path = tmp_path / split / f"{speaker}" / f"{take}.flac"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
                rows.append(
                    Utterance(
                        f"{split}-{speaker}-{take}", f"{split}{speaker}", "d",
                        str(path.relative_to(tmp_path)), 1.0, split,
                    )
                )  # fmt: skip
    write_manifest(tmp_path / "manifest.tsv", rows)
    (tmp_path / "trials").mkdir()
    for split in ("dev", "test"):
        (tmp_path / "trials" / f"{split}.txt").write_text(
            f"{split}/0/0.wav {split}/0/1.wav target\n{split}/0/0.wav {split}/1/1.wav nontarget\n"
        )
    return tmp_path


def _data(corpus, **settings):
    return SpeechTraining(SpeechData(str(corpus / "manifest.tsv"), **settings), SpeakerObjective())


def test_lists_and_enrolment_lists_are_inputs(corpus):
    assert list(_data(corpus).files()) == ["manifest", "dev_trials", "test_trials"]
    (corpus / "trials.lst").write_text("m dev/0/1.wav 1\nm dev/1/1.wav 0\n")
    (corpus / "enroll.lst").write_text("m dev/0/0.wav dev/0/2.wav\n")
    data = _data(corpus, dev_trials=str(corpus / "trials.lst"))
    assert data.files()["dev_enrolments"] == corpus / "enroll.lst"


def test_missing_recordings_are_told_before_the_training(corpus):
    with (corpus / "trials" / "dev.txt").open("a") as file:
        file.write("dev/0/0.wav dev/9/9.wav nontarget\n")
    with pytest.raises(InputError, match=r"dev\.txt:3: 'dev/9/9\.wav' is not in .*\(1 of 4 record"):
        _data(corpus).files()
    (corpus / "test" / "1" / "1.flac").unlink()
    (corpus / "trials" / "dev.txt").unlink()
    (corpus / "trials" / "test.txt").rename(corpus / "trials" / "dev.txt")
    with pytest.raises(InputError, match=r"dev\.txt:2: 'test/1/1\.wav' is not where .* says"):
        _data(corpus).files()


@pytest.mark.parametrize("settings", [{}, {"dev_root": "."}])
def test_training_speakers_are_found_by_their_recordings(corpus, settings, monkeypatch):
    monkeypatch.chdir(corpus)
    with (corpus / "trials" / "dev.txt").open("a") as file:
        file.write("dev/0/0.wav train/1/2.wav nontarget\n")
    with pytest.raises(InputError, match="speaker train1 is in the train split; hold speakers out"):
        _data(corpus, **settings).files()


def test_perturbation_looks_for_every_recording_of_the_list(corpus):
    (corpus / "dev" / "1" / "1.flac").unlink()
    data = _data(corpus)
    subject = types.SimpleNamespace(data=data, card=None, network=None)
    settings = PerturbationSettings(recordings=4)
    data.features_of = lambda card: np.asarray
    with pytest.raises(InputError, match=r"dev\.txt:2: 'dev/1/1\.wav' is not where"):
        Perturbation.of(subject, settings)
