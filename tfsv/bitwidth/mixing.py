"""Networks whose kernels are mixtures of all widths, and the training that learns their shares."""

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
    """A layer whose kernel is Σ p_b · Q_b(w), with p = softmax(logits / temperature) over widths b.

    Paper 4 mixes the outputs of the candidates. A layer is linear in its kernel, so mixing kernels
    is the same and costs one pass for all widths. The papers' candidates come from networks trained
    at each width. Ours share the latent weights w, which train through each quantizer's own
    straight-through estimator.

    Example:
        >>> quantizers = {bits: Scheme().quantizer(bits) for bits in (2, 4)}
        >>> layer = MixedLayer(kernel_variables(network)["stem"], quantizers, "stem")
        >>> layer.probabilities(1.0).numpy()
        array([0.5, 0.5], dtype=float32)

    Attributes:
        latent: Latent kernel, which is trained.
        logits: Logits of the widths, float32 `[widths]`.
        widths: Widths in the order of the logits, which is ascending.

    Args:
        kernel: Kernel of the network, which `apply` overwrites.
        quantizers: Quantizer of each width.
        name: Name of the layer, for error messages.
    """

    def __init__(self, kernel: tf.Variable, quantizers: Mapping[int, KernelQuantizer], name: str):
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
        """The latent kernel and the variables that the quantizers learn by gradients."""
        return [self.latent, *self._holder.trainable_weights]

    def refresh(self) -> None:
        """Fits all quantizers to the latent weights as they are now."""
        latent = self.latent.numpy()
        for quantizer, variables in self._quantizers:
            quantizer.refresh(latent, variables, self._name)

    def probabilities(self, temperature: tf.Tensor) -> tf.Tensor:
        """The shares of the widths, float32 `[widths]`."""
        return tf.nn.softmax(self.logits / temperature)

    def mixture(self, probabilities: tf.Tensor) -> tf.Tensor:
        """The mixed kernel, with gradients to the probabilities and to the `learned` variables.

        Kernels are quantized as in inference. Schemes that train on latent weights (ADMM,
        `forward=latent`) would otherwise mix kernels that have no width.
        """
        latent = tf.convert_to_tensor(self.latent)
        kernels = [
            quantizer.forward(latent, {k: tf.convert_to_tensor(v) for k, v in held.items()}, False)
            for quantizer, held in self._quantizers
        ]
        return tf.add_n([p * k for p, k in zip(tf.unstack(probabilities), kernels, strict=True)])

    def apply(self, mixture: tf.Tensor) -> None:
        """Puts a kernel into the network."""
        self._kernel.assign(mixture)


def expected_bytes(
    probabilities: Mapping[str, tf.Tensor], sizes: WidthTable, tables: LookUpTables
) -> tf.Tensor:
    """The expected bytes of the layers and their look-up tables when each layer draws its width.

    Example:
        >>> shares = {"stem": tf.constant([0.5, 0.5])}
        >>> float(expected_bytes(shares, {"stem": {2: 100, 4: 200}}, {}))
        150.0

    Args:
        probabilities: Probabilities of the ascending widths in `sizes`, float32 `[widths]`, by
            layer.
        sizes: Bytes of a layer at a width, by layer and width.
        tables: Bytes of the look-up tables that decode each width, by width and table.

    Returns:
        The bytes, float32 scalar. For probabilities of 0 and 1 they are `predicted_size` of these
        widths.
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

    Its training overwrites the network's own kernels, and `search` puts them back.

    Example:
        >>> quantizers = candidate_quantizers(network, "kmeans", (2, 4))
        >>> sizes = {name: {2: 100, 4: 200} for name in quantizers}
        >>> mixed = SuperNetwork(network, quantizers, loss, sizes, {}, penalty=50.0)
        >>> found = mixed.search(batches, budget=3000, settings=MixingSettings(steps=1))

    Attributes:
        network: The float network.
        layers: Mixed layers of the network by name.

    Args:
        network: A float network.
        quantizers: Quantizers by layer and width.
        loss: Function from outputs and targets to the losses of a batch.
        sizes: Bytes of a layer at a width, by layer and width.
        tables: Bytes of the look-up tables that decode each width, by width and table.
        penalty: Factor of the squared excess of the expected bytes, as in `MixingSettings`.
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
        """All variables that are trained beside the logits."""
        return [*self._others, *(v for layer in self.layers.values() for v in layer.learned)]

    @property
    def logits(self) -> list[tf.Variable]:
        """Logits of each layer."""
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
        """Trains weights and logits together. Afterwards the network is what it was.

        Args:
            batches: Pairs of inputs and targets, at least `settings.steps`.
            budget: Bytes that layers and tables together may take.
            settings: Settings of the training.

        Returns:
            Logarithms of the probabilities of each layer's ascending widths at temperature 1,
            float64.

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
