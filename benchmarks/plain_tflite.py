"""TFLite's converter as its documentation says, without tfsv."""

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf
import tf_keras as keras


def graph_of(work: Callable, argument: tf.TensorSpec) -> tf.types.experimental.GenericFunction:
    """A function of one tensor as a graph."""
    return tf.function(work, input_signature=[argument], autograph=False)


def tflite_of(
    graph: tf.types.experimental.GenericFunction,
    network: keras.Model,
    quantize: bool = False,
    calibration: Sequence[np.ndarray] = (),
) -> bytes:
    """The graph as a file.

    Args:
        graph: What `graph_of` gave.
        network: Network whose weights the graph has.
        quantize: Whether weights are quantized.
        calibration: Inputs from which the ranges of activations come. Empty: these stay float.
    """
    owner = tf.Module()  # of the variables; a Keras model as such would be traced layer by layer
    owner.weights = network.weights
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [graph.get_concrete_function()], owner
    )
    if quantize:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if len(calibration):
        converter.representative_dataset = lambda: ([values] for values in calibration)
    return converter.convert()
