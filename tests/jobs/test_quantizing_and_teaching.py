"""A calibrated network that its float parent teaches without labels, killed and resumed."""

import dataclasses
import shutil

import numpy as np
import pytest
import soundfile
from test_quantizing import heard, places  # noqa: F401 (a fixture)

from tfsv.errors import InputError
from tfsv.jobs import further
from tfsv.jobs.quantizing import FINE_TUNING, quantize_model
from tfsv.jobs.settings import LabelFreeTuning, Widths
from tfsv.quantization.network import active_layers, strip
from tfsv.tasks.model_folder import load_model
from tfsv.tasks.unlabelled import usable

TUNING = LabelFreeTuning(
    steps=6, batch_size=4, stages=2, stage_order="front", refresh_steps=2, checkpoint_steps=2
)


def test_a_parent_teaches_and_a_killed_training_ends_with_the_same_weights(
    places,  # noqa: F811
    tmp_path,
    monkeypatch,
):
    whole = quantize_model(
        places / "float", heard(places), Widths(2), tmp_path / "whole", tuning=TUNING
    )
    assert len(active_layers(whole.network)) == len(whole.card.bits)
    assert "Then 6 steps under its float parent" in whole.card.notes
    assert (tmp_path / "whole" / FINE_TUNING / "tensorboard").is_dir()
    plain = quantize_model(places / "float", heard(places), Widths(2), tmp_path / "plain")
    kernels = [strip(made.network)[0].get_weights() for made in (whole, plain)]
    assert any(np.any(a != b) for a, b in zip(*kernels, strict=True))

    def stopping(network, objective, dataset_from, settings, *rest, **named):
        def on_step(step):
            if step == 4:
                raise KeyboardInterrupt
            return settings.on_step(step)

        changed = dataclasses.replace(settings, on_step=on_step)
        return fit(network, objective, dataset_from, changed, *rest, **named)

    fit = further.fit
    monkeypatch.setattr(further, "fit", stopping)
    arguments = (places / "float", heard(places), Widths(2), tmp_path / "killed")
    with pytest.raises(KeyboardInterrupt):
        quantize_model(*arguments, tuning=TUNING)
    monkeypatch.undo()
    resumed = quantize_model(*arguments, tuning=TUNING)
    for a, b in zip(whole.network.get_weights(), resumed.network.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    network, _ = load_model(tmp_path / "killed")
    for a, b in zip(network.get_weights(), resumed.network.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(InputError, match="other settings .*tuning"):
        quantize_model(*arguments, tuning=LabelFreeTuning())


@pytest.mark.parametrize(
    ("widths", "order", "stages", "message"),
    [
        (Widths(2), "front", 99, "stage plan: 99 stages of "),
        (Widths(2), "bits", 2, "stages=2: stage_order=bits has a stage for each width, here 1"),
        (Widths(2), "sensitivity", 2, "stage_order=sensitivity: needs a bit plan"),
        (Widths(budget="200kB"), "front", 99, "stage plan: 99 stages of "),
        (Widths(budget="200kB"), "sensitivity", 99, "stage plan: 99 stages of "),
        (Widths(budget="200kB"), "bits", 2, "stages=2: stage_order=bits .* with 'budget' widths"),
    ],
)
def test_stages_that_do_not_fit_are_told_before_anything_is_done(
    places,  # noqa: F811
    tmp_path,
    widths,
    order,
    stages,
    message,
):
    tuning = dataclasses.replace(TUNING, steps=200, stages=stages, stage_order=order)
    with pytest.raises(InputError, match=message):
        quantize_model(places / "float", heard(places), widths, tmp_path / "out", tuning=tuning)
    assert not (tmp_path / "out").exists()  # so that other stages are not refused there


def test_a_stage_for_more_than_the_steps_is_told_before_the_search(places, tmp_path):  # noqa: F811
    tuning = dataclasses.replace(TUNING, steps=1)
    with pytest.raises(InputError, match="stage plan: 0 steps for the stage of"):
        quantize_model(
            places / "float", heard(places), Widths(budget="200kB"), tmp_path, tuning=tuning
        )
    assert not list(tmp_path.iterdir())


def test_a_recording_that_only_the_training_hears_decides_too(places, tmp_path):  # noqa: F811
    shutil.copytree(places / "recordings", tmp_path / "recordings")
    recordings = heard(places, recordings=str(tmp_path / "recordings"), crops=4)
    arguments = (places / "float", recordings, Widths(2), tmp_path / "out")
    made = quantize_model(*arguments, tuning=TUNING)
    others = set(map(str, (tmp_path / "recordings").glob("*.wav"))) - set(made.recordings)
    assert len(others) == 20
    changed = others.pop()  # to another recording of the same duration, format and size
    frames = soundfile.info(changed).frames
    soundfile.write(changed, np.random.default_rng(0).normal(0, 0.1, frames), 16000)
    with pytest.raises(InputError, match="other settings .*taught_on"):
        quantize_model(*arguments, tuning=TUNING)


def test_recordings_that_cannot_be_used_are_passed_over(tmp_path, caplog):
    soundfile.write(tmp_path / "a.wav", np.random.default_rng(0).normal(0, 0.1, 16000), 16000)
    (tmp_path / "b.wav").write_bytes(b"RIFF")
    soundfile.write(tmp_path / "c.wav", np.zeros(16000), 16000)
    paths = [str(tmp_path / f"{name}.wav") for name in "abc"]
    assert usable(paths) == ([paths[0]], [1.0])
    assert "b.wav" in caplog.text and "c.wav" in caplog.text
    with pytest.raises(InputError, match=r"none of 2 recordings can be used: .*b\.wav"):
        usable(paths[1:])
