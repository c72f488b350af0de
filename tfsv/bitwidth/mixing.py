"""A network whose kernels are mixtures of all widths, and the training that learns their shares."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras
from tqdm import tqdm

from tfsv.bitwidth.allocation import LookUpTables, WidthTable
from tfsv.bitwidth.candidates import kernel_variables
from tfsv.bitwidth.hessian import Loss
from tfsv.bitwidth.settings import MixingSettings
from tfsv.errors import InputError
from tfsv.quantization.schemes.base import KernelQuantizer


class MixedLayer:
    """A layer whose kernel is Σ p_b · Q_b(w), p = softmax(logits / temperature) over widths b.

    Paper 4 mixes the outputs of the candidates. A layer is linear in its kernel, so mixing kernels
    is the same and costs one pass for all widths. The papers' candidates come from networks trained
    at each width; ours share the latent weights w, which train through each quantizer's own
    straight-through estimator.

    Attributes:
        latent: The latent kernel.
        logits: float32 `[widths]`.
        widths: In the order of the logits.
    """

    def __init__(self, kernel: tf.Variable, quantizers: Mapping[int, KernelQuantizer], name: str):
        """Args:
        kernel: The network's; `apply` overwrites it.
        quantizers: By width.
        name: The layer's, for errors.
        """
        self.latent = tf.Variable(kernel)
        self.logits = tf.Variable(tf.zeros(len(quantizers)))
        self.widths = sorted(quantizers)
        self._kernel = kernel
        self._name = name
        self._holder = keras.layers.Layer()  # of the quantizers' variables
        self._quantizers = [
            (quantizers[bits], quantizers[bits].build(kernel.shape, f"b{bits}", self._holder))
            for bits in self.widths
        ]

    @property
    def learned(self) -> list[tf.Variable]:
        """The latent kernel and what the quantizers learn by gradients."""
        return [self.latent, *self._holder.trainable_weights]

    def refresh(self) -> None:
        """Fits all quantizers to the latent weights as they are."""
        latent = self.latent.numpy()
        for quantizer, variables in self._quantizers:
            quantizer.refresh(latent, variables, self._name)

    def probabilities(self, temperature: tf.Tensor) -> tf.Tensor:
        """float32 `[widths]`."""
        return tf.nn.softmax(self.logits / temperature)

    def mixture(self, probabilities: tf.Tensor) -> tf.Tensor:
        """The mixed kernel, with gradients to the probabilities and to what is `learned`.

        Quantized as in inference: schemes that train on latent weights (ADMM, `forward=latent`)
        would mix what has no width.
        """
        latent = tf.convert_to_tensor(self.latent)
        kernels = [
            quantizer.forward(latent, {k: tf.convert_to_tensor(v) for k, v in held.items()}, False)
            for quantizer, held in self._quantizers
        ]
        return tf.add_n([p * k for p, k in zip(tf.unstack(probabilities), kernels, strict=True)])

    def apply(self, mixture: tf.Tensor) -> None:
        """Makes the network compute with this kernel."""
        self._kernel.assign(mixture)


def expected_bytes(
    probabilities: Mapping[str, tf.Tensor], sizes: WidthTable, tables: LookUpTables
) -> tf.Tensor:
    """Bytes of the layers and of their look-up tables where each layer draws its width.

    Args:
        probabilities: By layer, float32 `[widths]` of the ascending widths in `sizes`.
        sizes: Bytes by layer and width.
        tables: See `tfsv.bitwidth.allocation.LookUpTables`.

    Returns:
        float32 scalar; for probabilities of 0 and 1 it is `predicted_size` of these widths.
    """
    total = tf.constant(0.0)
    for name, row in sizes.items():
        total += tf.reduce_sum(probabilities[name] * [float(row[bits]) for bits in sorted(row)])
    for table, size in {t: n for row in tables.values() for t, n in row.items()}.items():
        unused = tf.constant(1.0)
        for name, row in sizes.items():
            users = [float(table in tables.get(bits, {})) for bits in sorted(row)]
            unused *= 1.0 - tf.reduce_sum(probabilities[name] * users)
        total += size * (1.0 - unused)
    return total


class SuperNetwork:
    """A float network whose kernels are mixtures, and the step that trains it.

    While it is trained the network's own kernels are overwritten; `search` puts them back.

    Attributes:
        network: The network.
        layers: Its mixed layers by name.
    """

    def __init__(
        self,
        network: keras.Model,
        quantizers: Mapping[str, Mapping[int, KernelQuantizer]],
        loss: Loss,
        sizes: WidthTable,
        tables: LookUpTables,
        penalty: float,
    ):
        """Args:
        network: A float network.
        quantizers: By layer and width.
        loss: From outputs and targets to a loss for each.
        sizes: Bytes by layer and width.
        tables: Look-up tables by width.
        penalty: See `MixingSettings`.
        """
        kernels = kernel_variables(network)
        self.layers = {
            name: MixedLayer(kernels[name], row, name) for name, row in quantizers.items()
        }
        self._mixed = [kernels[name] for name in quantizers]
        mixed = {id(variable) for variable in self._mixed}
        self._others = [v for v in network.trainable_variables if id(v) not in mixed]
        self.network = network
        self._loss = loss
        self._sizes = sizes
        self._tables = tables
        self._penalty = penalty

    @property
    def weights(self) -> list[tf.Variable]:
        """All that is trained beside the logits."""
        return [*self._others, *(v for layer in self.layers.values() for v in layer.learned)]

    @property
    def logits(self) -> list[tf.Variable]:
        """Of each layer."""
        return [layer.logits for layer in self.layers.values()]

    def gradients(
        self, inputs: Any, targets: Any, temperature: tf.Tensor, limit: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, list[tf.Tensor], list[tf.Tensor]]:
        """Gradients of mean loss + penalty · max(0, expected bytes / limit - 1)².

        The network is in training mode.

        Returns:
            The mean loss, the expected bytes, and the gradients of `weights` and of `logits`.
        """
        learned = [v for layer in self.layers.values() for v in layer.learned]
        with tf.GradientTape() as outer:
            shares = {name: m.probabilities(temperature) for name, m in self.layers.items()}
            mixtures = [layer.mixture(shares[name]) for name, layer in self.layers.items()]
            size = expected_bytes(shares, self._sizes, self._tables)
            excess = self._penalty * tf.square(tf.nn.relu(size / limit - 1.0))
        for layer, mixture in zip(self.layers.values(), mixtures, strict=True):
            layer.apply(mixture)
        with tf.GradientTape() as inner:
            loss = tf.reduce_mean(self._loss(self.network(inputs, training=True), targets))
        of_kernels, of_others = inner.gradient(loss, [self._mixed, self._others])
        of_learned, of_logits = outer.gradient(
            [*mixtures, excess],
            [learned, self.logits],
            output_gradients=[*of_kernels, tf.constant(1.0)],
        )
        return loss, size, [*of_others, *of_learned], of_logits

    def search(
        self,
        batches: Iterable[tuple[Any, Any]],
        budget: float,
        settings: MixingSettings,
    ) -> dict[str, np.ndarray]:
        """Trains weights and logits together; the network is afterwards what it was.

        Args:
            batches: At least `settings.steps`.
            budget: Bytes that layers and tables together may take.
            settings: See there.

        Returns:
            log p of each layer's ascending widths, float64, at temperature 1.

        Raises:
            InputError: The loss is not finite any more.
        """
        before = self.network.get_weights()
        try:
            self._train(batches, budget, settings)
        finally:
            self.network.set_weights(before)
        return {
            name: tf.nn.log_softmax(tf.cast(layer.logits, tf.float64)).numpy()
            for name, layer in self.layers.items()
        }

    def _train(self, batches, budget: float, settings: MixingSettings) -> None:
        of_weights = keras.optimizers.Adam(settings.weight_rate)
        of_logits = keras.optimizers.Adam(settings.logit_rate)
        of_weights.build(self.weights)
        of_logits.build(self.logits)

        @tf.function(reduce_retracing=True, autograph=False)
        def step(inputs, targets, temperature, limit):
            loss, size, weights, logits = self.gradients(inputs, targets, temperature, limit)
            of_weights.apply_gradients(zip(weights, self.weights, strict=True))
            of_logits.apply_gradients(zip(logits, self.logits, strict=True))
            return loss, size

        even = {name: layer.probabilities(tf.constant(1.0)) for name, layer in self.layers.items()}
        first = max(budget, float(expected_bytes(even, self._sizes, self._tables)))
        last = max(1, settings.steps - 1)
        bar = tqdm(total=settings.steps, desc="mixing widths", unit="step", dynamic_ncols=True)
        with bar:
            for number, (inputs, targets) in zip(range(settings.steps), batches, strict=False):
                if number % settings.refresh_steps == 0:
                    for layer in self.layers.values():
                        layer.refresh()
                temperature = settings.temperature ** (number / last)
                limit = first * (budget / first) ** min(1.0, number / last / settings.descent)
                loss, size = step(
                    tf.nest.map_structure(tf.constant, inputs),
                    tf.nest.map_structure(tf.constant, targets),
                    tf.constant(temperature, tf.float32), tf.constant(limit, tf.float32),
                )  # fmt: skip
                if not math.isfinite(float(loss)):
                    raise InputError(
                        f"method=architecture: the loss became {float(loss)} at step {number}; "
                        "check the model and the corpus"
                    )
                bar.update()
                bar.set_postfix_str(
                    f"loss {float(loss):.2f}, {float(size) / 1000:.1f} kB expected "
                    f"of {limit / 1000:.1f}",
                    refresh=False,
                )
