"""Scale-invariant signal-to-noise ratio (SI-SNR), by which paper 4 measures separation."""

import numpy as np

from tfsv.errors import InputError


def si_snr(estimate: np.ndarray, target: np.ndarray, name: str = "estimate") -> float:
    """The SI-SNR of a waveform, in float64.

    Both waveforms lose their means. The estimate then has a part along the target, and a rest. The
    SI-SNR is the ratio of their energies.

    Example:
        >>> target = np.sin(np.arange(16000) / 10)
        >>> round(si_snr(target + 0.1 * np.cos(np.arange(16000) / 10), target), 1)
        20.0

    Args:
        estimate: Waveform, float `[samples]`.
        target: Waveform that was wanted, float `[samples]`.
        name: Name of the estimate, for error messages.

    Returns:
        The ratio in dB. It is infinite for a multiple of the target, and minus infinity for a
        waveform that has nothing of it, such as silence.

    Raises:
        InputError: The waveforms have two lengths, a sample is not finite, or the target is silent
            and so has no SI-SNR.
    """
    estimate, target = checked_pair(estimate, target, name)
    estimate, target = estimate - estimate.mean(), target - target.mean()
    energy = target @ target
    if not energy:
        raise InputError(f"{name}: its target is silent, so it has no SI-SNR")
    along = (estimate @ target) / energy * target
    wanted, rest = along @ along, (estimate - along) @ (estimate - along)
    if not wanted:
        return -np.inf
    return float(10 * np.log10(wanted / rest)) if rest else np.inf


def si_snr_gain(
    estimate: np.ndarray, mixture: np.ndarray, target: np.ndarray, name: str = "estimate"
) -> float:
    """The SI-SNR of an estimate less that of the mixture at the microphone of the target, dB.

    Example:
        >>> target, other = np.random.default_rng(0).normal(size=(2, 16000))
        >>> round(si_snr_gain(target + 0.1 * other, target + other, target), 1)
        20.0

    Args:
        estimate: Waveform, float `[samples]`.
        mixture: Waveform of the mixture at microphone 1, float `[samples]`.
        target: Waveform that was wanted, float `[samples]`.
        name: Name of the estimate, for error messages.

    Raises:
        InputError: As `si_snr` raises it, for the estimate or the mixture.
    """
    return si_snr(estimate, target, name) - si_snr(mixture, target, f"{name}'s mixture")


def checked_pair(
    estimate: np.ndarray, target: np.ndarray, name: str
) -> tuple[np.ndarray, np.ndarray]:
    """Two waveforms in float64 that can be compared.

    Example:
        >>> checked_pair(np.ones(4, np.float32), np.zeros(4), "a.wav")[0].dtype
        dtype('float64')

    Args:
        estimate: Waveform, float `[samples]`.
        target: Waveform that was wanted, float `[samples]`.
        name: Name of the estimate, for error messages.

    Raises:
        InputError: The waveforms are empty or have two lengths, or a sample is not finite.
    """
    estimate, target = np.asarray(estimate, np.float64), np.asarray(target, np.float64)
    if estimate.ndim != 1 or estimate.shape != target.shape or not estimate.size:
        raise InputError(
            f"{name}: has samples {estimate.shape} and its target {target.shape}; expected two "
            "waveforms of one length"
        )
    for kind, waveform in (("", estimate), (" target's", target)):
        if bad := int(np.count_nonzero(~np.isfinite(waveform))):
            raise InputError(
                f"{name}: {bad} of its{kind} {waveform.size} samples are NaN or infinite"
            )
    return estimate, target
