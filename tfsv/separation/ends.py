"""The ends of a separator's file: a mixture and an angle in, the sound of one talker out."""

from collections.abc import Iterator, Mapping

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tfsv.conversion.ends import LOWEST_AGREEMENT, Arrays, Ends, relative_agreement
from tfsv.runtime.ports import Port
from tfsv.separation.frames import HOP
from tfsv.separation.front_end import SeparatorFrontEnd
from tfsv.separation.microphones import MicrophoneArray
from tfsv.separation.pasts import past_shapes
from tfsv.separation.ports import AFTER, ANGLE, BEFORE, MIXTURE, SEPARATED
from tfsv.separation.separator_settings import SeparatorSettings
from tfsv.separation.spectra import Waveforms
from tfsv.separation.stream_network import stream_network

_DEFAULT_SAMPLES = 32000
_EXAMPLE_SAMPLES = (16000, 12000, 8011, 12000)
_EXAMPLE_HOPS = (40, 24, 1, 24)


def separator_ends(array: MicrophoneArray, settings: SeparatorSettings) -> Ends:
    """The ends of a separator's network: those of a stream where it is causal.

    Example:
        >>> print(*separator_ends(LINE_OF_15, SIZES["half"]).outputs)
        separated float32 [1, any]

    Args:
        array: The microphones.
        settings: Sizes and form of the network.
    """
    if settings.causal:
        return _stream_ends(array, settings)
    return _whole_ends(array, settings.phase)


def _whole_ends(array: MicrophoneArray, phase: str) -> Ends:
    """The ends of a network that hears whole recordings.

    The file takes `mixture`, float32 `[1, microphones, samples]` of any length at 16 kHz, and
    `angle`, float32 `[1]`, degrees as `MicrophoneArray` counts them. It gives `separated`, float32
    `[1, samples]`, with zeros behind its end up to a multiple of 256 samples.
    """
    front_end = SeparatorFrontEnd(array.positions, array.pairs, phase)
    waveforms = Waveforms()

    def examples() -> Iterator[Arrays]:
        for seed, samples in enumerate(_EXAMPLE_SAMPLES):
            yield _heard(array, samples, np.random.default_rng(seed))

    return Ends(
        inputs=(Port(MIXTURE, (1, array.microphones, None)), Port(ANGLE, (1,))),
        outputs=(Port(SEPARATED, (1, None)),),
        before=lambda given: front_end((given[MIXTURE], given[ANGLE])),
        after=lambda spectra: {SEPARATED: waveforms((spectra[:, :, 0], spectra[:, :, 1]))},
        examples=examples,
        agreement=relative_agreement,
        lowest=LOWEST_AGREEMENT,
        default_length=_DEFAULT_SAMPLES,
    )


def _stream_ends(array: MicrophoneArray, settings: SeparatorSettings) -> Ends:
    """The ends of a causal network, which hears a recording in pieces of any number of hops.

    The file takes `mixture`, float32 `[1, microphones, samples]`, a multiple of 256 samples at 16
    kHz, and `angle`, float32 `[1]`, degrees as `MicrophoneArray` counts them. It gives `separated`,
    float32 `[1, samples]`, the sound of 256 samples earlier. Whatever else it gives, named
    `after_…`, the next call takes as `before_…`. The first call takes zeros.
    """
    shapes = past_shapes(settings, array)
    inputs = (
        Port(MIXTURE, (1, array.microphones, None)),
        Port(ANGLE, (1,)),
        *(Port(BEFORE + name, shape) for name, shape in shapes.items()),
    )
    outputs = (
        Port(SEPARATED, (1, None)),
        *(Port(AFTER + name, shape) for name, shape in shapes.items()),
    )

    def before(given: Mapping[str, tf.Tensor]) -> list[tf.Tensor]:
        return [given[port.name] for port in inputs]

    def after(results: list[tf.Tensor]) -> dict[str, tf.Tensor]:
        return {port.name: result for port, result in zip(outputs, results, strict=True)}

    def in_file(network: keras.Model) -> keras.Model:
        return stream_network(settings, array, network)

    def examples() -> Iterator[Arrays]:
        for seed, hops in enumerate(_EXAMPLE_HOPS):
            random = np.random.default_rng(seed)
            past = {
                BEFORE + name: np.abs(0.05 * random.standard_normal(shape, np.float32))
                for name, shape in shapes.items()
            }
            yield _heard(array, hops * HOP, random) | past

    def agreement(results: Arrays, wanted: Arrays) -> float:
        return relative_agreement(results, {SEPARATED: wanted[SEPARATED]})

    return Ends(
        inputs=inputs,
        outputs=outputs,
        before=before,
        after=after,
        examples=examples,
        agreement=agreement,
        lowest=LOWEST_AGREEMENT,
        default_length=HOP,
        in_file=in_file,
    )


def _heard(
    array: MicrophoneArray, samples: int, random: np.random.Generator
) -> dict[str, np.ndarray]:
    heard = 0.05 * random.standard_normal((1, array.microphones, samples), np.float32)
    return {MIXTURE: heard, ANGLE: random.uniform(0, 180, 1).astype(np.float32)}
