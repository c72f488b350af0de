"""Tables of levels before scaling: uniform, powers of two, additive powers of two."""

import itertools

import numpy as np


def uniform_levels(bits: int) -> np.ndarray:
    """{0, ±1, …, ±(2^(bits-1) - 1)}, or {-1, 1} for 1 bit (paper 4).

    Example:
        >>> uniform_levels(3)
        array([-3., -2., -1.,  0.,  1.,  2.,  3.], dtype=float32)

    Returns:
        Ascending levels, float32 `[2^bits - 1]` (`[2]` for 1 bit).
    """
    if bits == 1:
        return np.array([-1, 1], np.float32)
    return _signed(np.arange(2 ** (bits - 1)))


def power_levels(bits: int) -> np.ndarray:
    """Powers of two and zero: {0, ±2^-k}, with k from 0 to 2^(bits-1) - 2.

    Example:
        >>> power_levels(3)
        array([-1.  , -0.5 , -0.25,  0.  ,  0.25,  0.5 ,  1.  ], dtype=float32)

    Args:
        bits: Width of a code, 2 to 7. At 8 the smallest level, 2^-126, leaves no room for a scale
            in float32.

    Returns:
        Ascending levels, float32 `[2^bits - 1]`, of which the largest is 1.
    """
    return _signed([0, *(2.0**-k for k in range(2 ** (bits - 1) - 1))])


def additive_power_levels(bits: int) -> np.ndarray:
    """Sums of a few powers of two, scaled to a largest level of 1 (APoT, paper 2).

    The magnitude has bits - 1 bits, and each pair of them chooses a term of a sum. Pair i of n
    pairs has {0, 2^-i, 2^-(i+n), 2^-(i+2n)}. A single bit that is left over has {0, 2^-2n}, and the
    pairs then have {0, 2^-i, 2^-(i+n), 2^-(i+2n+1)}. Every exponent comes once, so all sums differ.
    The tables are those of the public code for 2 (which are uniform), 3, 4 and 5 bits. The formula
    goes on to 8 bits, which is our extension.

    Example:
        >>> additive_power_levels(4)[8:]
        array([0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1. ], dtype=float32)

    Args:
        bits: Width of a code, 2 to 8.

    Returns:
        Ascending levels, float32 `[2^bits - 1]`.
    """
    pairs, single = divmod(bits - 1, 2)
    terms = [
        [0, *(2.0**-exponent for exponent in (i, i + pairs, i + 2 * pairs + single))]
        for i in range(pairs)
    ]
    if single:
        terms.append([0, 2.0 ** (-2 * pairs)])
    sums = np.array([sum(choice) for choice in itertools.product(*terms)])
    return _signed(sums / sums.max())


def _signed(magnitudes) -> np.ndarray:
    magnitudes = np.asarray(magnitudes, np.float64)
    return np.unique(np.concatenate([-magnitudes, magnitudes])).astype(np.float32) + np.float32(0)
