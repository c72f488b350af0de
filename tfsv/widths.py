"""Widths that a layer's weights can have, in bits."""

from typing import Any

CODED = tuple(range(1, 9))
"""Widths of codes."""

FLOAT16 = 16
"""Width of weights that are rounded to float16. They have neither codes nor a codebook."""

FLOAT32 = 32
"""Width that a bit plan gives to a layer that stays as it is."""

LARGEST_FLOAT16 = 65504.0
"""Largest magnitude of a weight of 16 bits."""


def is_quantized(bits: Any) -> bool:
    """Whether a value is a width that quantization can give a layer: 1 to 8, or 16.

    Example:
        >>> is_quantized(4), is_quantized(16), is_quantized(12), is_quantized(True)
        (True, True, False, False)
    """
    return not isinstance(bits, bool) and bits in (*CODED, FLOAT16)
