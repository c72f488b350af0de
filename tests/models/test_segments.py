"""Segments against slices, and CAM++'s checkpoints, whose toolkit only their surroundings tell."""

import numpy as np
import pretrained_goldens as goldens
import pytest
import tensorflow as tf
import tf_keras as keras
import torch_writing

from tfsv.features import LogMel
from tfsv.models import build_network
from tfsv.models.checkpoints import Checkpoint
from tfsv.models.pretrained import from_checkpoint, import_checkpoint
from tfsv.models.segments import SegmentContext, SegmentGate, Segments

LENGTHS = (1, 7, 99, 100, 101, 250, 300)


def values(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("f4")


@pytest.mark.parametrize("frames", LENGTHS)
def test_segments_are_slices_and_the_last_one_averages_what_it_has(frames):
    x = values(2, frames, 3)
    averaging, members = Segments(100)(x)
    means = np.stack([x[:, i : i + 100].mean(1) for i in range(0, frames, 100)], 1)
    context = SegmentContext()([x, averaging])
    np.testing.assert_allclose(context, means + x.mean(1, keepdims=True), atol=1e-5)
    gates = values(*means.shape)
    gated = SegmentGate()([x, gates, members])
    np.testing.assert_allclose(gated, x * np.repeat(gates, 100, 1)[:, :frames], atol=1e-6)


def test_declared_shapes_are_the_real_ones():
    frames = keras.Input((None, 3))
    averaging, members = Segments(100)(frames)
    context = SegmentContext()([frames, averaging])
    network = keras.Model(frames, [averaging, SegmentGate()([frames, context, members])])
    for length in LENGTHS:
        declared = network.compute_output_shape((2, length, 3))
        found = [tuple(x.shape) for x in network(values(2, length, 3))]
        assert found == [tuple(shape) for shape in declared]


def test_half_precision_loses_no_segment():
    x = tf.cast(values(1, 250, 3), tf.bfloat16)
    averaging, members = Segments(100, dtype="float32")(tf.cast(x, tf.float32))
    context = SegmentContext(dtype="bfloat16")([x, averaging])
    gated = SegmentGate(dtype="bfloat16")([x, tf.ones_like(context), members])
    assert context.dtype == gated.dtype == tf.bfloat16
    np.testing.assert_array_equal(gated, x)


def test_frames_are_halved_with_zeros_at_both_ends():
    network = build_network("campplus", channels=8, bins=16)
    assert network.get_layer("tdnn").padding == "valid"
    frames = keras.Model(network.input, network.get_layer("tdnn").output)
    assert [frames.compute_output_shape((1, n, 16))[1] for n in (1, 30, 31)] == [1, 15, 16]


@pytest.fixture(scope="module")
def tensors():
    return goldens.state_dict("campplus")


def write(folder, tensors, name="avg_model.pt"):
    torch_writing.save(folder / name, torch_writing.tensors(tensors))
    return folder / name


def test_the_toolkit_is_told_by_the_classifier_and_the_config(tensors, tmp_path):
    bare = import_checkpoint(write(tmp_path, tensors))
    assert bare.family == "3dspeaker_campplus" and "wespeaker_campplus" in bare.notes
    assert bare.settings.embedding_size == 192 and bare.settings.bins == 80
    assert bare.settings.pooling == "tstp_3dspeaker"
    of_both = {"bins": 80, "low_hz": 20, "high_hz": 8000, "preemphasis": 0.97}
    settings = LogMel(**bare.front_end).settings()
    own = {"window": "povey", "scale": 1.0, "mean_normalise": True}
    assert settings.items() >= (of_both | own).items()

    (tmp_path / "config.yaml").write_text(
        "model: CAMPPlus\nmodel_args:\n  embed_dim: 192\n  feat_dim: 80\n  pooling_func: TSTP\n"
    )
    configured = import_checkpoint(tmp_path / "avg_model.pt")
    classifier = {"projection.weight": np.ones((3, 192), "f4")}
    classified = from_checkpoint(Checkpoint(tensors | classifier), "x.pt")
    for imported in (configured, classified):
        assert imported.family == "wespeaker_campplus" and not imported.notes
        assert imported.settings.pooling == "tstp"
        settings = LogMel(**imported.front_end).settings()
        assert settings.items() >= (of_both | {"window": "hamming", "scale": 32768.0}).items()


def test_the_vector_that_is_subtracted(tensors):
    vector = np.arange(192, dtype="f4") / 50
    checkpoint = Checkpoint(tensors | {"mean_vec": vector})
    network = from_checkpoint(checkpoint, "x.pt", "3dspeaker_campplus").network
    golden = goldens.TABLE["campplus"]
    found = network(goldens.features(80, golden["frames"])).numpy()
    assert goldens.worst_relative(found, goldens.EMBEDDINGS["campplus"] - vector) < 1e-4
