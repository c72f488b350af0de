"""The ends of a separator's file: a mixture and an angle in, the sound of one talker out."""

from collections.abc import Iterator

import numpy as np

from tfsv.conversion.ends import LOWEST_AGREEMENT, Arrays, Ends, relative_agreement
from tfsv.runtime.ports import Port
from tfsv.separation.front_end import SeparatorFrontEnd
from tfsv.separation.microphones import MicrophoneArray
from tfsv.separation.ports import ANGLE, MIXTURE, SEPARATED
from tfsv.separation.spectra import Waveforms

_DEFAULT_SAMPLES = 32000
_EXAMPLE_SAMPLES = (16000, 12000, 8011, 12000)


def separator_ends(array: MicrophoneArray, phase: str) -> Ends:
    """The ends of a separator's network.

    The file takes `mixture`, float32 `[1, microphones, samples]` of any length at 16 kHz, and
    `angle`, float32 `[1]`, degrees as `MicrophoneArray` counts them. It gives `separated`, float32
    `[1, samples]`, with zeros behind its end up to a multiple of 256 samples.

    Example:
        >>> print(*separator_ends(LINE_OF_15, "cos").outputs)
        separated float32 [1, any]

    Args:
        array: The microphones.
        phase: What stands for a phase difference, as `SpatialFeatures` has it.
    """
    front_end = SeparatorFrontEnd(array.positions, array.pairs, phase)
    waveforms = Waveforms()

    def examples() -> Iterator[Arrays]:
        for seed, samples in enumerate(_EXAMPLE_SAMPLES):
            random = np.random.default_rng(seed)
            heard = 0.05 * random.standard_normal((1, array.microphones, samples), np.float32)
            yield {MIXTURE: heard, ANGLE: random.uniform(0, 180, 1).astype(np.float32)}

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
