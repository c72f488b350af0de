"""From sound to sound: what a file runs is what Keras runs, and no sample sees those to come."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from ai_edge_litert.interpreter import Interpreter

from tfsv.separation.frames import BINS, HOP, WINDOW
from tfsv.separation.front_end import SeparatorFrontEnd, sound_of
from tfsv.separation.microphones import LINE_OF_15
from tfsv.separation.separator_settings import SeparatorSettings
from tfsv.separation.tcn import build_separator

TINY = SeparatorSettings(stacks=1, blocks=3, channels=6, hidden=10)
FORMS = [(False, "global"), (True, "cumulative"), (True, "batch")]


def separator(causal, norm):
    """A function from mixtures and angles to the sound that is asked for."""
    keras.utils.set_random_seed(4)
    front_end = SeparatorFrontEnd(LINE_OF_15.positions, LINE_OF_15.pairs)
    settings = dataclasses.replace(TINY, causal=causal, norm=norm)
    network = build_separator(settings, front_end.features.count * BINS)

    def separate(mixtures, degrees):
        return sound_of(network(front_end((mixtures, degrees))), tf.shape(mixtures)[2])

    return separate


def mixture(samples, seed=0):
    return np.random.default_rng(seed).normal(0, 0.1, (1, 15, samples)).astype(np.float32)


@pytest.mark.parametrize("causal, norm", FORMS)
def test_samples_do_not_depend_on_those_to_come(causal, norm):
    separate, asked = separator(causal, norm), tf.constant([60.0])
    sound = mixture(6000)
    before = separate(sound, asked).numpy()
    for first in (1024, 3000, 5999):
        changed = sound.copy()
        changed[:, :, first:] = mixture(6000 - first, seed=1)
        after = separate(changed, asked).numpy()
        heard = (first // HOP) * HOP - (WINDOW - HOP)  # before this, frames hold no changed sample
        change = np.abs(after - before)[:, :heard].max()
        assert (change <= 1e-6) == causal, change


@pytest.mark.parametrize("causal, norm", FORMS)
def test_a_file_has_builtin_operators_only_and_gives_what_keras_gives(causal, norm):
    separate = separator(causal, norm)
    kinds = [tf.TensorSpec([1, 15, None], name="mixture"), tf.TensorSpec([1], name="degrees")]
    graph = tf.function(separate, input_signature=kinds, autograph=False)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([graph.get_concrete_function()])
    interpreter = Interpreter(model_content=converter.convert())  # refuses what is not builtin
    places = {d["name"]: d["index"] for d in interpreter.get_input_details()}
    (output,) = interpreter.get_output_details()
    for samples in (3000, 2561, 3000):
        given = {"mixture": mixture(samples, seed=samples), "degrees": np.array([45.0], "f4")}
        interpreter.resize_tensor_input(places["mixture"], [1, 15, samples])
        interpreter.allocate_tensors()
        for name, value in given.items():
            interpreter.set_tensor(places[name], value)
        interpreter.invoke()
        wanted = separate(*given.values()).numpy()
        found = interpreter.get_tensor(output["index"])
        assert found.shape == wanted.shape == (1, samples)
        noise = np.sum((found - wanted) ** 2) / np.sum(wanted**2)
        assert noise < 1e-9, f"{10 * np.log10(noise):.0f} dB"
        operators = {op["op_name"] for op in interpreter._get_ops_details()}
        assert not any(name.startswith("Flex") for name in operators)


def test_the_front_end_is_kept_in_saved_networks():
    front_end = SeparatorFrontEnd(LINE_OF_15.positions, LINE_OF_15.pairs, "cos_sin")
    again = keras.layers.deserialize(keras.layers.serialize(front_end))
    given = mixture(1000), tf.constant([30.0])
    for mine, theirs in zip(again(given), front_end(given), strict=True):
        np.testing.assert_array_equal(mine, theirs)
