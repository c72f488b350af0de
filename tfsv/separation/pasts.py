"""What blocks hear of earlier frames, and what a stream keeps of them. No TensorFlow."""

from tfsv.separation.frames import HOP
from tfsv.separation.microphones import MicrophoneArray
from tfsv.separation.separator_settings import SeparatorSettings

KERNEL = 3
"""Frames of a dilated convolution."""

SAMPLES = "samples"
"""What a stream keeps of the mixture: its last hop."""

HALF = "half"
"""What a stream keeps of its sound: the second half of the last frame."""

_MOMENTS = (1, 3)  # frames, their mean and their mean square


def block_dilations(settings: SeparatorSettings) -> dict[str, int]:
    """Names of the blocks, in order, and by how much each is dilated.

    Example:
        >>> block_dilations(SeparatorSettings(stacks=1, blocks=3))
        {'stack1_block1': 1, 'stack1_block2': 2, 'stack1_block3': 4}
    """
    return {
        f"stack{stack}_block{block}": 2 ** (block - 1)
        for stack in range(1, settings.stacks + 1)
        for block in range(1, settings.blocks + 1)
    }


def past_frames(dilation: int) -> int:
    """Frames before the present one that a causal convolution of this dilation hears.

    Example:
        >>> past_frames(4)
        8
    """
    return (KERNEL - 1) * dilation


def past_shapes(settings: SeparatorSettings, array: MicrophoneArray) -> dict[str, tuple[int, ...]]:
    """Shapes of what a stream keeps between pieces, by name, in the order of the network's inputs.

    Example:
        >>> settings = SeparatorSettings(1, 2, 4, 8, causal=True, norm="batch")
        >>> past_shapes(settings, LINE_OF_15)["stack1_block2_past"]
        (1, 4, 1, 8)

    Args:
        settings: Sizes and form of the separator.
        array: The microphones.
    """
    shapes: dict[str, tuple[int, ...]] = {
        SAMPLES: (1, array.microphones, HOP),
        HALF: (1, HOP),
    }
    cumulative = settings.chosen_norm == "cumulative"
    for name, dilation in block_dilations(settings).items():
        parts = {
            f"{name}_in_norm": _MOMENTS,
            f"{name}_past": (1, past_frames(dilation), 1, settings.hidden),
            f"{name}_depthwise_norm": _MOMENTS,
        }
        shapes |= {part: shape for part, shape in parts.items() if cumulative or shape != _MOMENTS}
    return shapes
