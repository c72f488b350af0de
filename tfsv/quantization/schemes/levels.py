"""Tables of levels before scaling: uniform, powers of two, additive powers of two."""

import itertools

import numpy as np


def uniform_levels(bits: int) -> np.ndarray:
    """{0, ±1, …, ±(2^(bits-1) - 1)}, or {-1, 1} for 1 bit (paper 4).

    Returns:
        float32 `[2^bits - 1]` (`[2]` for 1 bit), ascending.
    """
    if bits == 1:
        return np.array([-1, 1], np.float32)
    return _signed(np.arange(2 ** (bits - 1)))


def power_levels(bits: int) -> np.ndarray:
    """{0, ±2^-k}, k from 0 to 2^(bits-1) - 2: powers of two.

    Args:
        bits: 2 to 7; at 8 the smallest level, 2^-126, leaves no room for a scale in float32.

    Returns:
        float32 `[2^bits - 1]`, ascending, the largest 1.
    """
    return _signed([0, *(2.0**-k for k in range(2 ** (bits - 1) - 1))])


def additive_power_levels(bits: int) -> np.ndarray:
    """Sums of a few powers of two, scaled to a largest level of 1 (APoT, paper 2).

    Of the bits - 1 bits of the magnitude each pair chooses a term of a sum. With n pairs, pair i
    has {0, 2^-i, 2^-(i+n), 2^-(i+2n)}; where a single bit is left over, it is {0, 2^-2n}, and the
    pairs have {0, 2^-i, 2^-(i+n), 2^-(i+2n+1)}. Every exponent comes once, so all sums differ.
    These are the tables of the public code for 2 (which are uniform), 3, 4 and 5 bits; that the
    formula goes on to 8 bits is our extension.

    Args:
        bits: 2 to 8.

    Returns:
        float32 `[2^bits - 1]`, ascending.
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
