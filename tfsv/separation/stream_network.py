"""A causal separator that hears a recording piece by piece, and what it keeps between pieces."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
import tf_keras as keras

from tfsv.separation.front_end import SeparatorFrontEnd
from tfsv.separation.microphones import MicrophoneArray
from tfsv.separation.norms import StreamedCumulativeLayerNorm
from tfsv.separation.pasts import HALF, SAMPLES, past_shapes
from tfsv.separation.ports import ANGLE, BEFORE, MIXTURE
from tfsv.separation.separator_settings import SeparatorSettings
from tfsv.separation.spectra import StreamedSpectra, StreamedWaveforms
from tfsv.separation.tcn import Utterances, separated


@keras.utils.register_keras_serializable("tfsv")
class Past(keras.layers.Layer):
    """Puts frames that were heard before in front of new ones.

    Example:
        >>> together, last = Past()((tf.zeros([1, 5, 1, 8]), tf.zeros([1, 2, 1, 8])))
        >>> together.shape, last.shape
        (TensorShape([1, 7, 1, 8]), TensorShape([1, 2, 1, 8]))

    Input: new frames, float32 `[1, frames, 1, channels]`, and earlier ones, float32 `[1, past, 1,
        channels]`.
    Output: both together, and the last `past` of them.
    """

    def call(self, inputs: tuple[tf.Tensor, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        new, past = inputs
        together = tf.concat([past, new], axis=1)
        return together, together[:, -past.shape[1] :]

    def compute_output_shape(self, input_shape: Any) -> Any:
        (batch, frames, *rest), past = input_shape
        return (batch, None if frames is None else frames + past[1], *rest), past


def stream_network(
    settings: SeparatorSettings, array: MicrophoneArray, network: keras.Model
) -> keras.Model:
    """A network from waveforms to waveforms, piece by piece, with the weights of a separator.

    Every sample comes out as if the whole recording had been heard at once. What earlier pieces
    left behind goes in and comes out: the last 256 samples, half a frame of the sound, two
    dilations of frames in front of each depthwise convolution, and what each cumulative
    normalisation knows. At the beginning all of it is zero.

    Example:
        >>> settings = SeparatorSettings(1, 2, 4, 8, causal=True, norm="batch")
        >>> stream = stream_network(settings, LINE_OF_15, build_separator(settings, 11 * 257))
        >>> stream.input_names[:3]
        ['mixture', 'angle', 'before_samples']

    Args:
        settings: Sizes and form of the separator, which is causal.
        array: The microphones.
        network: A network of `build_separator`, whose weights are copied.

    Returns:
        A network of batches of one. It takes "mixture", float32 `[1, microphones, samples]`, a
        multiple of 256 samples, "angle", float32 `[1]`, and what `past_shapes` names. It gives
        sound, float32 `[1, samples]`, of 256 samples earlier, and what `past_shapes` names for the
        next piece, in the same order.

    Raises:
        ValueError: The separator is not causal.
    """
    if not settings.causal:
        raise ValueError("expected a causal separator; others hear what comes later")
    mixture = keras.Input((array.microphones, None), 1, name=MIXTURE)
    angle = keras.Input((), 1, name=ANGLE)
    shapes = past_shapes(settings, array)
    before = {name: keras.Input(shape[1:], 1, name=BEFORE + name) for name, shape in shapes.items()}
    time = _Stream(settings, before)
    front_end = _StreamedFrontEnd(array.positions, array.pairs, settings.phase)
    features, spectrum, samples = front_end((mixture, angle, before[SAMPLES]))
    target = separated(features, spectrum, settings, time)
    sound, half = StreamedWaveforms()((target, before[HALF]))
    after = {SAMPLES: samples, HALF: half, **time.after}
    stream = keras.Model(
        [mixture, angle, *before.values()], [sound, *(after[name] for name in shapes)]
    )
    for layer in stream.layers:
        if layer.weights:
            layer.set_weights(network.get_layer(layer.name).get_weights())
    return stream


@keras.utils.register_keras_serializable("tfsv")
class _StreamedFrontEnd(SeparatorFrontEnd):
    """`SeparatorFrontEnd` of pieces, which also gives what the next piece needs.

    Input: mixtures, float32 `[1, microphones, samples]`, the asked angles, float32 `[1]`, and the
        last hop of the piece before, float32 `[1, microphones, 256]`.
    Output: features and spectrum as there, and the last hop of this piece.
    """

    def __init__(self, *arguments: Any, **options: Any):
        super().__init__(*arguments, **options)
        self._streamed = StreamedSpectra()

    def call(
        self, inputs: tuple[tf.Tensor, tf.Tensor, tf.Tensor]
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        mixtures, degrees, before = inputs
        spectra, last = self._streamed((mixtures, before))
        return *self.of_spectra(spectra, degrees), last


class _Stream(Utterances):
    """What stands in a network where frames meet those of the piece before.

    Attributes:
        after: What is left behind for the next piece, by name.
    """

    def __init__(self, settings: SeparatorSettings, before: Mapping[str, tf.Tensor]):
        super().__init__(settings)
        self._before = before
        self.after: dict[str, tf.Tensor] = {}

    def normalised(self, x: tf.Tensor, name: str) -> tf.Tensor:
        if name not in self._before:
            return super().normalised(x, name)
        return self._carried(StreamedCumulativeLayerNorm(name=name), x)

    def with_past(self, x: tf.Tensor, frames: int, name: str) -> tf.Tensor:
        return self._carried(Past(name=name), x)

    def _carried(self, layer: keras.layers.Layer, x: tf.Tensor) -> tf.Tensor:
        x, self.after[layer.name] = layer([x, self._before[layer.name]])
        return x
