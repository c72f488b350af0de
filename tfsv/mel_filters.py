"""Triangular mel filters, as a gather of spectrum bins."""

import numpy as np
import tensorflow as tf

from tfsv.audio import SAMPLE_RATE

MelGather = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Index, rising and falling weights, as `mel_gather` gives them."""


def mel_energies(spectrum: tf.Tensor, gather: MelGather) -> tf.Tensor:
    """The energies of mel filters.

    A spectrum bin feeds only the two filters between whose centres it lies. So indices with two
    weights each replace a dense matrix of ten times the size.

    Example:
        >>> mel_energies(tf.ones([1, 98, 257]), mel_gather(80, 20.0, 8000.0)).shape
        TensorShape([1, 98, 80])

    Args:
        spectrum: Power spectra of 512-point transforms, float32 `[batch, frames, 257]`.
        gather: What `mel_gather` gives.

    Returns:
        float32 `[batch, frames, bins]`.
    """
    index, rising, falling = gather
    grouped = tf.gather(spectrum, index, axis=2)
    up = tf.reduce_sum(grouped * rising[index], axis=3)
    down = tf.reduce_sum(grouped * falling[index], axis=3)
    return up[:, :, :-1] + down[:, :, 1:]


def mel_gather(
    bins: int, low_hz: float, high_hz: float, lines: np.ndarray | None = None
) -> MelGather:
    """Groups the spectrum bins by the pair of adjacent filter centres that they lie between.

    The mel scale is 1127 ln(1 + f / 700). Filters are triangular in mel and of height 1, as in
    Kaldi.

    Example:
        >>> index, rising, falling = mel_gather(80, 20.0, 8000.0)
        >>> index.shape, rising.shape, falling.shape
        ((81, 8), (257,), (257,))

    Args:
        bins: Number of mel filters.
        low_hz: Lower edge of the first filter, Hz.
        high_hz: Upper edge of the last filter, Hz.
        lines: Frequencies of the first 256 spectrum bins, Hz, float `[256]`. None: they are those
            of a 512-point transform. Kaldi leaves the last bin, at 8 kHz, out.

    Returns:
        index: Spectrum bins of each interval, int32 `[bins + 1, widest]`. Unused places name bin 0,
            which feeds no filter.
        rising: Weight of each bin for the filter whose left slope it lies on, float32 `[257]`.
        falling: Weight of each bin for the filter whose right slope it lies on, float32 `[257]`.
    """
    edges = np.linspace(_mel_of(low_hz), _mel_of(high_hz), bins + 2)
    mel = _mel_of(np.arange(256) * SAMPLE_RATE / 512 if lines is None else lines)
    inside = np.flatnonzero((mel > edges[0]) & (mel < edges[-1]))
    interval = np.searchsorted(edges, mel[inside], side="right") - 1
    widest = np.bincount(interval, minlength=bins + 1).max()
    index = np.zeros((bins + 1, widest), np.int32)
    for i in range(bins + 1):
        members = inside[interval == i]
        index[i, : len(members)] = members
    share = (mel[inside] - edges[interval]) / (edges[interval + 1] - edges[interval])
    rising, falling = np.zeros(257, np.float32), np.zeros(257, np.float32)
    rising[inside], falling[inside] = share, 1 - share
    return index, rising, falling


def _mel_of(hertz):
    return 1127.0 * np.log1p(np.asarray(hertz, np.float64) / 700.0)
