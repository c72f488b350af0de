import os
import pathlib
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from tfsv.audio.augment import spec_augment
from tfsv.errors import InputError
from tfsv.features import LogMel
from tfsv.run_lock import alone_in
from tfsv.training.loop import FitSettings, TrainingStep, fit
from tfsv.training.objectives.aam_softmax import AAMSoftmax
from tfsv.training.optimizers import OPTIMIZERS, Optimizer
from tfsv.training.schedules import LearningRate

HERE = pathlib.Path(__file__).parents[1]


def parts():
    keras.utils.set_random_seed(0)
    features = keras.Input((None, 16))
    x = keras.layers.GlobalAveragePooling1D()(keras.layers.Conv1D(6, 3)(features))
    head = AAMSoftmax(4, 0.0)
    head.build([None, 4])
    return keras.Model(features, keras.layers.Dense(4)(x)), head


def tones(_step):
    """Four speakers, each a tone of his own."""
    t = np.arange(1600) / 16000
    waveforms = np.stack([np.sin(2 * np.pi * f * t) for f in (200, 700, 1500, 4000)] * 2)
    batch = waveforms.astype("f4"), np.array([0, 1, 2, 3] * 2, "i4")
    return tf.data.Dataset.from_tensors(batch).repeat()


def run(folder, waveforms=tones, steps=60, rate=0.05, mean_normalise=False, masks=None, **settings):
    network, head = parts()
    settings = FitSettings(steps, LearningRate(rate, rate, steps), checkpoint_steps=5, **settings)
    front_end = LogMel(bins=16, mean_normalise=mean_normalise)

    def inputs_of(raw, step):
        return masks(front_end(raw), step) if masks else front_end(raw)

    return fit(network, head, waveforms, settings, folder, "tones", inputs_of=inputs_of), network


def test_learns_and_leaves_checkpoints_and_curves(tmp_path):
    result, _ = run(tmp_path, steps=400)
    assert result["accuracy"] > 0.9
    assert (tmp_path / "checkpoints" / "checkpoint").exists()
    assert list((tmp_path / "tensorboard").glob("events*"))


def test_gradients_are_cut_down_together_to_a_length(tmp_path):
    """A first step of Nesterov's moves the weights by 1.9 rates times the gradient."""
    start = [variable.numpy() for part in parts() for variable in part.trainable_variables]
    front_end, moved = LogMel(bins=16, mean_normalise=False), {}

    def inputs_of(raw, step):
        return front_end(raw)

    for clip in (None, 1e-3, 1e6):
        settings = FitSettings(1, lambda step: 0.1, weight_decay=0.0, clip_norm=clip)
        network, head = parts()
        step_of = TrainingStep(network, head, settings, inputs_of=inputs_of)
        step_of(*next(iter(tones(0))), step=0, rate=0.1)
        trained = network.trainable_variables + head.trainable_variables
        changes = [(a.numpy() - b).ravel() for a, b in zip(trained, start, strict=True)]
        moved[clip] = np.concatenate(changes)
    assert np.linalg.norm(moved[1e-3]) == pytest.approx(1.9 * 0.1 * 1e-3, rel=1e-3)
    np.testing.assert_array_equal(moved[1e6], moved[None])
    cosine = moved[1e-3] @ moved[None] / np.linalg.norm(moved[1e-3]) / np.linalg.norm(moved[None])
    assert cosine == pytest.approx(1, abs=1e-3)


def test_a_second_call_restores_and_does_no_more(tmp_path):
    _, first = run(tmp_path, steps=10)
    result, second = run(tmp_path, steps=10)
    assert result == {}
    for a, b in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_loss_that_is_not_finite_stops_with_a_line(tmp_path):
    def broken(step):
        return tones(step).map(lambda waveforms, labels: (waveforms * float("nan"), labels))

    with pytest.raises(InputError, match="became nan at step 0; start anew with a lower"):
        run(tmp_path, broken)


def test_training_data_that_cannot_be_read_stop_with_a_line(tmp_path):
    def broken(step):
        return tones(step).map(
            lambda waveforms, labels: (tf.debugging.check_numerics(waveforms / 0, "x"), labels)
        )

    with pytest.raises(InputError, match="no more training data"):
        run(tmp_path, broken)


def test_the_reason_of_training_data_is_told_without_tensorflows_text(tmp_path):
    def refuse(waveforms):
        raise InputError("ann/1.wav: truncated; copy it again")

    def broken(step):
        return tones(step).map(
            lambda waveforms, labels: (
                tf.ensure_shape(
                    tf.numpy_function(refuse, [waveforms], tf.float32), waveforms.shape
                ),
                labels,
            )
        )

    with pytest.raises(InputError) as caught:
        run(tmp_path, broken)
    assert "no more training data: ann/1.wav: truncated; copy it again; `tfsv prepare`" in str(
        caught.value
    )
    assert "\n" not in str(caught.value) and "node" not in str(caught.value)


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_spec_augment_repeats_and_makes_a_difference(tmp_path, optimizer):
    def masked(features, step):
        return spec_augment(features, tf.stack([0, step * 1024]))

    weights = [
        run(tmp_path / name, steps=5, optimizer=optimizer, masks=masks)[1].get_weights()
        for name, masks in (("one", masked), ("two", masked), ("plain", None))
    ]
    for one, two in zip(weights[0], weights[1], strict=True):
        np.testing.assert_array_equal(one, two)
    assert any((one != plain).any() for one, plain in zip(weights[0], weights[2], strict=True))


def test_a_broken_checkpoint_is_named(tmp_path):
    run(tmp_path, steps=5)
    (index,) = (tmp_path / "checkpoints").glob("*.index")
    index.write_bytes(index.read_bytes()[:20])
    with pytest.raises(InputError, match="ckpt-1: cannot be resumed"):
        run(tmp_path, steps=10)


def test_two_replicas_train_as_one_device_does(tmp_path):
    process = subprocess.run(
        [sys.executable, str(HERE / "two_replicas.py"), str(tmp_path)],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert process.returncode == 0, process.stderr[-3000:]
    assert process.stdout.strip().endswith("equal")


def test_an_optimizer_from_outside_is_one_entry(tmp_path):
    OPTIMIZERS.add("plain", Optimizer(lambda decay: keras.optimizers.SGD()))
    try:
        result, _ = run(tmp_path / "a", steps=5, optimizer="plain")
        assert result["loss"] > 0
    finally:
        OPTIMIZERS.remove("plain")
    with pytest.raises(InputError, match="optimizer=plain: unknown; choose one of .*sgd"):
        run(tmp_path / "b", steps=5, optimizer="plain")


def test_a_checkpoint_of_an_earlier_version_is_resumed(tmp_path):
    """In which the objective was called the head."""
    _, whole = run(tmp_path / "whole", steps=10)
    run(tmp_path / "half", steps=5)
    network, head = parts()
    optimizer = OPTIMIZERS["sgd"].make(1e-4)
    optimizer.build(network.trainable_variables + head.trainable_variables)
    step = tf.Variable(0, dtype=tf.int64)
    found = {"network": network, "optimizer": optimizer, "step": step}
    written = tf.train.latest_checkpoint(str(tmp_path / "half" / "checkpoints"))
    tf.train.Checkpoint(objective=head, **found).restore(written).assert_consumed()
    older = tf.train.Checkpoint(head=head, **found)
    folder = tmp_path / "older" / "checkpoints"
    tf.train.CheckpointManager(older, str(folder), max_to_keep=2).save()
    _, resumed = run(tmp_path / "older", steps=10)
    for a, b in zip(whole.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def sending(at, count=1):
    """An `on_step` that presses Ctrl-C in a step."""

    def on_step(step):
        for _ in range(count if step == at else 0):
            os.kill(os.getpid(), signal.SIGINT)

    return on_step


def taken(folder):
    """Steps of the last checkpoint."""
    latest = tf.train.latest_checkpoint(str(folder / "checkpoints"))
    return int(tf.train.load_variable(latest, "step/.ATTRIBUTES/VARIABLE_VALUE"))


@pytest.mark.parametrize("at", [1, 4, 7, 9])
def test_ctrl_c_leaves_a_checkpoint_of_its_step_and_changes_nothing(tmp_path, at):
    """In a step with a checkpoint of its own, in one without, and in the last."""
    _, whole = run(tmp_path / "whole", steps=10)
    line = f"stopped after step {at + 1} of 10, and a checkpoint is written; run again"
    with pytest.raises(KeyboardInterrupt, match=line):
        run(tmp_path / "stopped", steps=10, on_step=sending(at))
    assert taken(tmp_path / "stopped") == at + 1
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    with alone_in(tmp_path / "stopped"):  # nobody is at work there any more
        pass
    _, resumed = run(tmp_path / "stopped", steps=10)
    for a, b in zip(whole.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_second_ctrl_c_does_not_wait_for_the_step(tmp_path):
    with pytest.raises(KeyboardInterrupt) as told:
        run(tmp_path, steps=10, on_step=sending(7, count=2))
    assert not str(told.value) and taken(tmp_path) == 5


def test_ctrl_c_before_the_first_step_does_not_wait(tmp_path):
    with pytest.raises(KeyboardInterrupt) as told:
        run(tmp_path, steps=10, on_step=sending(0))
    assert not str(told.value) and not list(tmp_path.rglob("ckpt-*"))


def test_a_fit_in_a_thread_leaves_signals_alone(tmp_path):
    results = []
    thread = threading.Thread(target=lambda: results.append(run(tmp_path, steps=5)))
    thread.start()
    thread.join()
    assert results[0][0]["loss"] > 0


def test_two_fits_in_one_folder(tmp_path):
    with alone_in(tmp_path), pytest.raises(InputError, match="is at work there"):
        run(tmp_path, steps=5)
    assert not (tmp_path / "checkpoints").exists()


def test_a_checkpoint_without_room_leaves_the_one_before(tmp_path, monkeypatch):
    def full(self):
        for name in ("ckpt-2_temp/part-00000", "ckpt-2.index", "checkpoint.tmp12"):
            path = pathlib.Path(self.directory) / name
            path.parent.mkdir(exist_ok=True)
            path.write_text("half")
        raise tf.errors.ResourceExhaustedError(None, None, "ckpt-2_temp; No space left on device")

    _, whole = run(tmp_path / "whole", steps=10)
    folder = tmp_path / "full"
    run(folder, steps=5)
    with monkeypatch.context() as patched, pytest.raises(InputError) as told:
        patched.setattr(tf.train.CheckpointManager, "save", full)
        run(folder, steps=10)
    assert "checkpoints: checkpoint not written (No space left on device, " in str(told.value)
    assert "the one before is kept; free some space there" in str(told.value)
    names = {path.name for path in (folder / "checkpoints").iterdir()}
    assert names == {"checkpoint", "ckpt-1.index", "ckpt-1.data-00000-of-00001"}
    _, resumed = run(folder, steps=10)
    for a, b in zip(whole.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_what_a_kill_left_of_a_checkpoint_is_cleared_away(tmp_path):
    run(tmp_path, steps=5)
    left = tmp_path / "checkpoints" / "ckpt-2_temp"
    left.mkdir()
    (left / "part-00000-of-00001.data-00000-of-00001.tempstate1").write_bytes(b"half")
    (tmp_path / "checkpoints" / "ckpt-2.data-00000-of-00001").write_bytes(b"half")
    run(tmp_path, steps=5)
    assert not list((tmp_path / "checkpoints").glob("ckpt-2*"))
