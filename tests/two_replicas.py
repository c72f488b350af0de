"""Fits the same tiny network on one device and on two logical CPUs; run by test_loop.py."""

import pathlib
import sys

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tfsv.features import LogMel
from tfsv.quantization.network import quantize, refresh_codebooks
from tfsv.training.loop import FitSettings, fit
from tfsv.training.objectives.aam_softmax import AAMSoftmax
from tfsv.training.schedules import LearningRate

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)


def network():
    """No batch normalisation, whose statistics are each replica's own."""
    features = keras.Input((None, 16))
    x = keras.layers.GlobalAveragePooling1D()(keras.layers.Conv1D(6, 3, name="conv")(features))
    return keras.Model(features, keras.layers.Dense(4, name="embedding")(x), name="tiny")


def dataset_from(step):
    random = np.random.default_rng(0)
    waveforms = random.normal(size=(12, 8, 1600)).astype("f4") * 0.1
    labels = random.integers(5, size=(12, 8)).astype("i4")
    return tf.data.Dataset.from_tensor_slices((waveforms, labels)).skip(step)


def trained(folder, strategy):
    keras.utils.set_random_seed(0)
    with strategy.scope():
        quantized = quantize(network(), 2)
        head = AAMSoftmax(5, 0.2)
        head.build([None, 4])

    def refresh(step):
        if step % 5 == 0:
            refresh_codebooks(quantized)

    settings = FitSettings(12, LearningRate(0.05, 0.01, 12), weight_decay=0.1, on_step=refresh)
    front_end = LogMel(bins=16)
    fit(
        quantized, head, dataset_from, settings, folder, "tiny",
        inputs_of=lambda waveforms, step: front_end(waveforms), strategy=strategy,
    )  # fmt: skip
    return quantized.get_weights()


out = pathlib.Path(sys.argv[1])
one = trained(out / "one", tf.distribute.OneDeviceStrategy("CPU:0"))
two = trained(out / "two", tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]))
for a, b in zip(one, two, strict=True):
    np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
print("equal")
