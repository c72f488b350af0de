"""A causal separator gives the same piece by piece as at once, in Keras, LiteRT and TF Lite."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from tfsv.conversion.convert import export_tflite
from tfsv.errors import InputError
from tfsv.goldens.separator_checking import in_pieces
from tfsv.packed.expand import expand
from tfsv.quantization.network import quantize, refresh_codebooks, strip
from tfsv.runtime.delegation import operators_left
from tfsv.separation.microphones import LINE_OF_15
from tfsv.separation.norms import (
    REMEMBERED,
    CumulativeLayerNorm,
    StreamedCumulativeLayerNorm,
)
from tfsv.separation.pasts import past_shapes
from tfsv.separation.ports import AFTER, BEFORE
from tfsv.separation.separator_settings import SeparatorSettings
from tfsv.separation.stream_network import stream_network
from tfsv.separation.tflite_separator import TFLiteSeparator
from tfsv.tasks.separating import front_end_of, separator
from tfsv.tasks.task import TASKS

TINY = SeparatorSettings(stacks=2, blocks=2, channels=6, hidden=8, causal=True)
NORMS = ("batch", "cumulative")
FRONT_END = {
    "EXPAND_DIMS", "GATHER", "IMAG", "PACK", "REAL", "RESHAPE", "REVERSE_V2", "RFFT2D",
    "STRIDED_SLICE", "CUMSUM", "SHAPE", "FILL", "COS", "SIN",
}  # fmt: skip


def noise(samples, seed=0):
    return np.random.default_rng(seed).normal(0, 0.05, (15, samples)).astype(np.float32)


def decibels(sound, wanted):
    assert sound.shape == wanted.shape
    error = np.sum(np.square(sound - wanted)) + 1e-20
    return 10 * np.log10(np.sum(np.square(wanted)) / error)


@pytest.fixture(scope="module", params=NORMS)
def exported(request, tmp_path_factory):
    """The settings, a function of Keras on whole recordings, and a plain and a packed file."""
    keras.utils.set_random_seed(5)
    settings, task = dataclasses.replace(TINY, norm=request.param), TASKS["separation"]
    card = task.new_card(settings)
    quantized = quantize(task.build(card), {"stack1_block1_in": 4, "stack2_block1_in": 4}, "kmeans")
    refresh_codebooks(quantized)
    network, coded = strip(quantized)
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.moving_mean.assign(0.1 * np.random.default_rng(1).normal(size=8))
    files = {}
    for weights in ("float32", "packed"):
        file = files[weights] = tmp_path_factory.mktemp("files") / f"{weights}.tflite"
        export_tflite(network, coded, card, file, task.ends(card), weights, "float32")
    return settings, separator(network, front_end_of(card)), files


@pytest.mark.parametrize("hops", [1, 3])
@pytest.mark.parametrize("sizes", [(256,), (1, 700, 255), (5000,)])
def test_pieces_of_any_size_give_what_keras_gives_of_all(exported, sizes, hops):
    _, separate, files = exported
    heard = noise(9001)
    wanted = separate(heard, 50.0)
    for file in files.values():
        sound = in_pieces(TFLiteSeparator(file).stream(50.0, hops=hops), heard, sizes)
        assert decibels(sound, wanted) > 100


@pytest.mark.parametrize("samples", [1, 255, 256, 257, 20_000])
def test_whole_recordings_of_any_length_are_heard_by_the_same_file(exported, samples):
    _, separate, files = exported
    heard = noise(samples)
    sound = TFLiteSeparator(files["packed"])(heard, 50.0)
    assert decibels(sound, separate(heard, 50.0)) > 100


def test_a_minute_is_equal_to_90_db_in_both_runtimes(exported):
    settings, separate, files = exported
    heard = noise(60 * 16000)
    heard *= np.linspace(0.1, 2, heard.shape[1], dtype=np.float32)  # a level that moments follow
    wanted = separate(heard, 50.0)
    assert decibels(TFLiteSeparator(files["packed"])(heard, 50.0), wanted) > 90
    assert decibels(by_tf_lite(settings, files["packed"], heard), wanted) > 90


def by_tf_lite(settings, file, heard):
    """A minute in pieces of 25 hops by TensorFlow's own interpreter."""
    interpreter = tf.lite.Interpreter(model_content=expand(file.read_bytes()))
    pasts = past_shapes(settings, LINE_OF_15)
    run = interpreter.get_signature_runner()
    signature = interpreter.get_signature_list()["serving_default"]
    assert set(signature["inputs"]) == {"mixture", "angle", *(BEFORE + name for name in pasts)}
    before = {BEFORE + name: np.zeros(shape, np.float32) for name, shape in pasts.items()}
    sounds = []
    for piece in np.split(np.pad(heard, ((0, 0), (0, 25 * 256))), 151, axis=1):
        given = run(mixture=piece[np.newaxis], angle=np.array([50.0], np.float32), **before)
        before = {BEFORE + name: given[AFTER + name] for name in pasts}
        sounds.append(given["separated"][0])
    silence = np.zeros((1, 15, 256), np.float32)
    sounds.append(
        run(mixture=silence, angle=np.array([50.0], np.float32), **before)["separated"][0]
    )
    return np.concatenate(sounds)[256:][: heard.shape[1]]


def test_a_stream_that_was_reset_or_finished_begins_anew_bit_for_bit(exported):
    _, _, files = exported
    stream, heard = TFLiteSeparator(files["packed"]).stream(50.0), noise(3000)
    first = in_pieces(stream, heard, (256,))
    np.testing.assert_array_equal(in_pieces(stream, heard, (256,)), first)
    stream.push(noise(2000, seed=1))
    stream.reset()
    np.testing.assert_array_equal(in_pieces(stream, heard, (256,)), first)


def test_streams_of_one_separator_do_not_hear_each_other(exported):
    _, _, files = exported
    separate = TFLiteSeparator(files["packed"])
    sounds = [noise(4096, seed) for seed in (0, 1)]
    streams = [separate.stream(20.0), separate.stream(90.0)]
    alone = [in_pieces(*both, (512,)) for both in zip(streams, sounds, strict=True)]
    together = [[], []]
    for first in range(0, 4096, 512):
        for stream, sound, told in zip(streams, sounds, together, strict=True):
            told.append(stream.push(sound[:, first : first + 512]))
    for stream, told, wanted in zip(streams, together, alone, strict=True):
        np.testing.assert_array_equal(np.concatenate([*told, stream.finish()]), wanted)


def test_a_sample_comes_out_when_the_next_hop_was_heard(exported):
    _, _, files = exported
    stream, heard = TFLiteSeparator(files["packed"]).stream(50.0), noise(2048)
    lengths = [len(stream.push(heard[:, n : n + 256])) for n in range(0, 2048, 256)]
    assert lengths == [0] + 7 * [256]
    assert len(stream.finish()) == 256
    assert len(stream.finish()) == 0


def test_only_the_front_end_is_left_to_plain_kernels(exported):
    _, _, files = exported
    separate = TFLiteSeparator(files["packed"])
    separate.stream(50.0).push(noise(512))
    assert set(operators_left(separate._runner._session.interpreter)) <= FRONT_END


def test_what_does_not_fit_is_refused_in_a_line(exported, tmp_path):
    _, _, files = exported
    separate = TFLiteSeparator(files["packed"])
    with pytest.raises(InputError, match="hops=0: must be at least 1"):
        separate.stream(50.0, hops=0)
    stream = separate.stream(50.0)
    for wrong in (noise(256)[:2], noise(256)[0], noise(256).astype(np.float64)):
        with pytest.raises(InputError, match=r"expected float32 \[15, samples\]; received"):
            stream.push(wrong)
    task = TASKS["separation"]
    card = task.new_card(dataclasses.replace(TINY, causal=False))
    whole, network = tmp_path / "whole.tflite", task.build(card)
    export_tflite(network, {}, card, whole, task.ends(card))
    with pytest.raises(InputError, match="hears whole recordings only; train a separator with"):
        TFLiteSeparator(whole).stream(50.0)
    with pytest.raises(ValueError, match="others hear what comes later"):
        stream_network(dataclasses.replace(TINY, causal=False), LINE_OF_15, network)
    liar = task.new_card(TINY)
    export_tflite(network, {}, liar, whole, task.ends(card))
    with pytest.raises(InputError, match="its card says that it is causal; its inputs do not"):
        TFLiteSeparator(whole).stream(50.0)


def test_cumulative_norms_forget_what_was_heard_long_ago():
    layer, past = StreamedCumulativeLayerNorm(), tf.constant([[float(REMEMBERED), 5.0, 26.0]])
    frames = tf.constant(noise(8)[np.newaxis, :, np.newaxis])
    _, after = layer((frames, past))
    values = frames.numpy().astype(np.float64)
    heard = REMEMBERED + 15
    np.testing.assert_allclose(
        after[0],
        [
            REMEMBERED,
            (REMEMBERED * 5 + values.mean(axis=(2, 3)).sum()) / heard,
            (REMEMBERED * 26 + np.square(values).mean(axis=(2, 3)).sum()) / heard,
        ],
        rtol=1e-6,
    )
    whole = CumulativeLayerNorm()
    fresh, _ = layer((frames, tf.zeros([1, 3])))
    np.testing.assert_allclose(fresh, whole(frames), atol=1e-6)
