"""A float network quantized by looking at inputs, layer by layer, without labels."""

import contextlib
import dataclasses
import io
import pathlib
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import tf_keras as keras
from tqdm import tqdm

from tfsv.errors import InputError
from tfsv.files import write_bytes
from tfsv.kernel_layers import kernel_layer, kernel_variable
from tfsv.quantization.bn_statistics import ChannelMoments, replace_statistics, shift_statistics
from tfsv.quantization.calibrated_layer import CalibratedKernel, calibrated_kernel
from tfsv.quantization.calibration_settings import CodeCalibration
from tfsv.quantization.channel_scales import absorb
from tfsv.quantization.functional_networks import functional
from tfsv.quantization.input_moments import InputMoments
from tfsv.quantization.kernel_inputs import matrices
from tfsv.quantization.layer_walk import Call, LayerWalk, calls
from tfsv.quantization.network import layer_quantizers, quantize, strip
from tfsv.quantization.norms_behind import Norm, norms_behind
from tfsv.quantization.schemes import Scheme
from tfsv.quantization.schemes.base import KernelQuantizer
from tfsv.quantization.wrapping import quantized_kernels


@dataclasses.dataclass(frozen=True)
class CalibratedLayer:
    """What calibration made of a layer.

    Example:
        >>> for layer in quantize_on(network, 3, batches).layers:
        ...     print(layer.name, layer.bits, layer.error, layer.scaled)

    Attributes:
        name: Name of the layer.
        bits: Width of its codes.
        error: Mean squared error of its outputs, relative to their variance.
        scaled: Whether its kernel was divided by channel scales.
    """

    name: str
    bits: int
    error: float
    scaled: bool


@dataclasses.dataclass(frozen=True)
class Calibrated:
    """A calibrated network.

    Attributes:
        network: The quantized network, its quantizers switched on.
        layers: Its quantized layers, in the order in which they were calibrated.
    """

    network: keras.Model
    layers: tuple[CalibratedLayer, ...]


def quantize_on(
    network: keras.Model,
    bits: int | Mapping[str, int],
    batches: Iterable[Any],
    scheme: str | Scheme = "kmeans",
    settings: CodeCalibration | None = None,
    *,
    folder: pathlib.Path | None = None,
) -> Calibrated:
    """Quantizes a network with nothing but inputs: no labels, no training.

    Layers are taken in the network's order. Each is calibrated on the inputs that it gets from the
    network as quantized so far. Batch normalisation follows in the same order. Tensors wait on the
    disk between two layers, so memory grows with a batch and with the widest layer only.

    A layer that is called several times is calibrated on the inputs of its first call.

    Example:
        >>> calibrated = quantize_on(network, 3, [features[:32], features[32:]])
        >>> plain, coded = strip(calibrated.network)

    Args:
        network: A float network that `quantize` takes.
        bits: Width for all layers, or width of each layer by name.
        batches: Batches of the network's inputs, of any sizes: arrays, or lists of arrays for
            several inputs.
        scheme: A `Scheme`, or its text.
        settings: How to calibrate. None: the defaults.
        folder: Folder that keeps what was done, layer by layer, so that a killed call goes on. It
            belongs to one network, scheme, width and set of batches. None: nothing is kept.

    Raises:
        InputError: The scheme's codes cannot be calibrated, there are no batches, they do not fit,
            a layer's weights or inputs are not finite, or the disk is full.
    """
    scheme = Scheme.parse(scheme) if isinstance(scheme, str) else scheme
    batches = list(batches)
    if not batches:
        raise InputError("calibration: no batches of inputs were given")
    with _workplace(folder) as (state, scratch):
        job = _Job(
            functional(network),
            bits,
            batches,
            scheme,
            settings or CodeCalibration(),
            state,
            scratch,
        )
        return job.all()


def check_scheme(scheme: Scheme, quantizers: Mapping[str, KernelQuantizer]) -> None:
    """Finds whether codes of a scheme can be calibrated.

    Example:
        >>> scheme = Scheme("kmeans")
        >>> check_scheme(scheme, layer_quantizers(network, 2, scheme))

    Args:
        scheme: The scheme.
        quantizers: Its quantizers by layer.

    Raises:
        InputError: They cannot.
    """
    for quantizer in quantizers.values():
        if not quantizer.keeps_codebook and quantizer.bits < 8:
            raise InputError(
                f"scheme={scheme}: its levels follow from the weights, so that codes cannot be"
                " calibrated; take kmeans, uniform or adaptive_binary, or other 'codes'"
            )


def layer_errors(
    network: keras.Model,
    quantizers: Mapping[str, Mapping[int, KernelQuantizer]],
    batches: Iterable[Any],
    scratch: pathlib.Path,
    settings: CodeCalibration | None = None,
) -> dict[str, dict[int, float]]:
    """The error of each layer's outputs when it alone has calibrated codes of each width.

    Example:
        >>> quantizers = candidate_quantizers(network, "kmeans", (2, 4))
        >>> layer_errors(network, quantizers, [features], pathlib.Path("scratch"))["stem"]
        {2: 0.061, 4: 0.002}

    Args:
        network: A float network.
        quantizers: Quantizers by layer and width.
        batches: Batches of the network's inputs.
        scratch: Empty folder for tensors that wait.
        settings: How to calibrate; whose inputs are made up for does not matter. None: the
            defaults.

    Returns:
        Mean squared errors, relative to the outputs' variance, by layer and width.
    """
    settings = dataclasses.replace(settings or CodeCalibration(), targets="quantized")
    network = functional(network)
    walk, norms, found, group = LayerWalk(network, batches, scratch), norms_behind(network), {}, []
    with tqdm(total=len(quantizers), desc="calibrating", unit="layer", dynamic_ncols=True) as bar:
        for call in calls(network):
            layer = call.layer
            if layer.name in quantizers and layer.name not in found:
                walk.make(group)
                group = []
                moments = InputMoments(layer, -(-settings.samples // walk.batches))
                for (inputs,) in walk.inputs(call):
                    moments.add(inputs)
                kernel, norm = kernel_variable(layer).numpy(), norms.get(layer.name)
                found[layer.name] = {
                    bits: calibrated_kernel(layer, kernel, quantizer, moments, settings, norm).error
                    for bits, quantizer in quantizers[layer.name].items()
                }
                bar.update()
            group.append(call)
    return found


@contextlib.contextmanager
def _workplace(folder: pathlib.Path | None) -> Iterator[tuple[pathlib.Path, pathlib.Path]]:
    """Folders of what was done and of what waits; the latter is emptied before and after."""
    if folder is None:
        with (
            tempfile.TemporaryDirectory(prefix="tfsv-") as nowhere,
            _workplace(pathlib.Path(nowhere)) as places,
        ):
            yield places
        return
    scratch = folder / "waiting"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    try:
        yield folder, scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


class _Job:
    """One calibration, of which `all` does what is left to do."""

    def __init__(
        self,
        network: keras.Model,
        bits: int | Mapping[str, int],
        batches: list[Any],
        scheme: Scheme,
        settings: CodeCalibration,
        state: pathlib.Path,
        scratch: pathlib.Path,
    ):
        self.settings = settings
        self.state = state
        self.quantizers = layer_quantizers(network, bits, scheme)
        if self.settings.codes == "calibrated":
            check_scheme(scheme, self.quantizers)
        self.quantized = quantize(network, bits, scheme)
        self.working, _ = strip(self.quantized)
        self.calls = calls(self.working)
        self.float_calls = {(call.layer.name, call.number): call for call in calls(network)}
        self.norms = norms_behind(self.working)
        self.walks: list[tuple[LayerWalk, bool]] = []
        for name, model in (("quantized", self.working), ("float", network)):
            if name == "quantized" or self._needs_float:
                (scratch / name).mkdir()
                walk = LayerWalk(model, batches, scratch / name)
                self.walks.append((walk, name == "float"))
        self.scales: dict[str, np.ndarray] = {}
        self.kernels: dict[str, tuple[np.ndarray, dict[str, np.ndarray]]] = {}
        self.layers: list[CalibratedLayer] = []

    @property
    def _needs_float(self) -> bool:
        settings = self.settings
        targets = settings.codes == "calibrated" and settings.targets == "float"
        return targets or settings.batch_norm == "shift"

    def all(self) -> Calibrated:
        """Calibrates layer by layer and puts the outcome into the quantized network."""
        stops = self._stops()
        group: list[Call] = []
        bar = tqdm(total=len(stops), desc="calibrating", unit="layer", dynamic_ncols=True)
        with bar:
            for call in self.calls:
                if call in stops:
                    bar.set_postfix_str(call.layer.name)
                    self._make(group)
                    group = []
                    self._stop(stops.index(call), call)
                    bar.update()
                    if len(stops) == bar.n:
                        break
                group.append(call)
        self._finish()
        return Calibrated(self.quantized, tuple(self.layers))

    def _stops(self) -> list[Call]:
        """The calls at which something is calibrated: quantized kernels, and norms behind them."""
        found, changed = [], set()
        for call in self.calls:
            behind = any(tensor in changed for tensor in call.inputs)
            coded = call.layer.name in self.quantizers
            norm = type(call.layer) is Norm and self.settings.batch_norm != "keep" and behind
            if call.number == 0 and (coded or norm):
                found.append(call)
            if behind or coded:
                changed.update(call.outputs)
        return found

    def _make(self, group: list[Call]) -> None:
        for walk, is_float in self.walks:
            walk.make([self._of(call, is_float) for call in group])

    def _of(self, call: Call, is_float: bool) -> Call:
        return self.float_calls[call.layer.name, call.number] if is_float else call

    def _inputs(self, call: Call) -> Iterator[tuple[np.ndarray, ...]]:
        """Inputs in the quantized network, and in the float one if that runs along."""
        rows = [walk.inputs(self._of(call, is_float)) for walk, is_float in self.walks]
        for batch in zip(*rows, strict=True):
            yield tuple(arrays[0] for arrays in batch)

    def _stop(self, number: int, call: Call) -> None:
        """Calibrates a layer, or takes over what was done before a kill."""
        file = self.state / f"{number:04}.npz"
        changed = self._changed(call.layer)
        if file.exists():
            self._restore(file, call.layer, changed)
            return
        if kernel_layer(call.layer):
            extra = self._kernel(call)
        else:
            self._norm(call)
            extra = {}
        arrays = {f"weight{n}": v.numpy() for n, v in enumerate(changed)}
        content = io.BytesIO()
        np.savez(content, **arrays, **extra)
        write_bytes(file, content.getvalue())

    def _changed(self, layer: keras.layers.Layer) -> list[Any]:
        """The variables that calibrating a layer may change."""
        norm = self.norms.get(layer.name) if kernel_layer(layer) else layer
        moments = [] if norm is None else [norm.moving_mean, norm.moving_variance]
        return [*(layer.weights if kernel_layer(layer) else []), *moments]

    def _kernel(self, call: Call) -> dict[str, Any]:
        layer, settings = call.layer, self.settings
        walk = self.walks[0][0]
        limit = -(-settings.samples // walk.batches)
        moments = InputMoments(layer, limit)
        for now in self._inputs(call):
            if not all(np.isfinite(array).all() for array in now):
                raise InputError(f"{layer.name}: gets inputs that are NaN or infinite")
            moments.add(*now)
        norm = self.norms.get(layer.name)
        kernel = kernel_variable(layer).numpy()
        found = calibrated_kernel(
            layer, kernel, self.quantizers[layer.name], moments, settings, norm
        )
        self._apply(layer, norm, kernel, found, moments)
        return self._note(layer.name, found)

    def _apply(
        self,
        layer: keras.layers.Layer,
        norm: keras.layers.Layer | None,
        kernel: np.ndarray,
        found: CalibratedKernel,
        moments: InputMoments,
    ) -> None:
        """Sets the layer's weights, and lets what is behind make up for scales and means."""
        kernel_variable(layer).assign(found.kernel)
        scale = found.scale.reshape(-1)
        if np.any(scale != 1):
            absorb(norm, scale)
            if layer.use_bias:
                layer.bias.assign(layer.bias.numpy() / scale)
        if self.settings.codes != "calibrated":
            return
        wanted = _means(layer, kernel, moments.intended_mean) / scale
        given = _means(layer, found.kernel, moments.mean)
        if norm is not None:
            if self.settings.batch_norm == "keep":  # else its own turn comes next
                norm.moving_mean.assign(norm.moving_mean.numpy() + (given - wanted))
        elif layer.use_bias:
            layer.bias.assign(layer.bias.numpy() + (wanted - given))

    def _note(self, name: str, found: CalibratedKernel) -> dict[str, Any]:
        self.kernels[name] = found.latent, found.variables
        self.scales[name] = found.scale.reshape(-1)
        scaled = bool(np.any(found.scale != 1))
        bits = self.quantizers[name].bits
        self.layers.append(CalibratedLayer(name, bits, found.error, scaled))
        variables = {f"variable_{key}": value for key, value in found.variables.items()}
        return variables | {
            "latent": found.latent, "scale": self.scales[name], "error": found.error,
        }  # fmt: skip

    def _norm(self, call: Call) -> None:
        moments = [ChannelMoments() for _ in self.walks]
        norm = call.layer
        for now in self._inputs(call):
            for found, inputs in zip(moments, now, strict=True):
                found.add(inputs, norm.axis[0])
        if self.settings.batch_norm == "replace":
            replace_statistics(norm, moments[0])
            return
        shift_statistics(norm, *moments, self._scale_before(call))

    def _scale_before(self, call: Call) -> np.ndarray | None:
        """Scales by which the layer in front of a normalisation was divided."""
        for name, scale in self.scales.items():
            if self.norms.get(name) is call.layer:
                return scale
        return None

    def _restore(self, file: pathlib.Path, layer: keras.layers.Layer, changed: list[Any]) -> None:
        try:
            with np.load(file, allow_pickle=False) as kept:
                for number, variable in enumerate(changed):
                    variable.assign(kept[f"weight{number}"])
                if kernel_layer(layer):
                    variables = {
                        key.removeprefix("variable_"): kept[key]
                        for key in kept.files
                        if key.startswith("variable_")
                    }
                    kernel = kernel_variable(layer).numpy()
                    found = CalibratedKernel(
                        kept["latent"], kernel, variables, kept["scale"], float(kept["error"])
                    )
                    self._note(layer.name, found)
        except (OSError, ValueError, KeyError) as error:
            reason = str(error).splitlines()[0]
            raise InputError(f"{file}: not a calibrated layer ({reason}); delete it") from error

    def _finish(self) -> None:
        """Moves weights, codes and centroids into the quantized network."""
        coded = {kernel.layer.name: kernel for kernel in quantized_kernels(self.quantized)}
        for source in self.working.layers:
            if source.name not in coded:
                if source.weights:
                    self.quantized.get_layer(source.name).set_weights(source.get_weights())
                continue
            kernel = coded[source.name]
            latent, variables = self.kernels[source.name]
            kernel.latent.assign(latent)
            for key, value in variables.items():
                kernel.variables[key].assign(value)
            kernel.variables["active"].assign(True)
            if source.use_bias:
                kernel.layer.bias.assign(source.bias)


def _means(layer: keras.layers.Layer, kernel: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Mean outputs before bias, `[channels]`, for mean inputs, `[groups, inputs]`."""
    weights = matrices(layer, kernel).astype(np.float64)
    return (mean[:, np.newaxis] @ weights)[:, 0].reshape(-1)
