"""Augmentation: what is done to a waveform so that training hears more than was recorded.

All functions are pure TensorFlow: the same arguments give the same result, whatever runs beside
them. Random ones take a `seed`, an integer tensor `[2]` as `tf.random.stateless_*` takes it.
"""

import numpy as np
import scipy.fft
import tensorflow as tf

from tfsv.audio import SAMPLE_RATE

ROOM_SECONDS = 0.5  # length of a generated room; its tail is then 40 dB down or nearly

_LOWEST_HZ = 50.0  # generated noise is flat below
_TINY = 1e-12


def resample(waveform: tf.Tensor, samples: tf.Tensor | int) -> tf.Tensor:
    """Stretches a waveform to so many samples by way of its spectrum.

    Nothing is lost below the lower of the two Nyquist frequencies. The waveform is taken as
    periodic, so its first and last few milliseconds ring when its ends do not meet. The caller
    should give some more on both sides and cut it off. We chose this over `tfio.audio.resample` by
    measurement: 32,000 samples take 0.7 ms here and 15 ms there.

    Example:
        >>> resample(tf.zeros([16000]), 14400).shape
        TensorShape([14400])

    Args:
        waveform: Waveform of any length, float32 `[any]`.
        samples: Wanted length in samples.

    Returns:
        A waveform of the same amplitude, float32 `[samples]`.
    """
    before = tf.shape(waveform)[0]
    samples = tf.convert_to_tensor(samples, tf.int32)
    bins = samples // 2 + 1
    # What lies right at the lower Nyquist frequency belongs half to its mirror image; left out.
    spectrum = tf.signal.rfft(waveform, [before])[: (tf.minimum(before, samples) + 1) // 2]
    spectrum = tf.pad(spectrum, [[0, bins - tf.shape(spectrum)[0]]])
    gain = tf.cast(samples, tf.float32) / tf.cast(before, tf.float32)
    return tf.signal.irfft(spectrum, [samples]) * gain


def power(waveform: tf.Tensor) -> tf.Tensor:
    """The mean square of a waveform, float32 scalar.

    Example:
        >>> float(power(tf.constant([1.0, -1.0])))
        1.0
    """
    return tf.reduce_mean(tf.square(waveform))


def add_noise(waveform: tf.Tensor, noise: tf.Tensor, snr_db: tf.Tensor | float) -> tf.Tensor:
    """Adds noise so that the mean power of speech over the crop is `snr_db` decibels above it.

    Example:
        >>> noisy = add_noise(waveform, coloured_noise(tf.constant([0, 1]), 32000), snr_db=10.0)

    Args:
        waveform: Speech, float32 `[samples]`.
        noise: Noise of any level, float32 `[samples]`. Silence adds nothing.
        snr_db: Signal-to-noise ratio, dB.

    Returns:
        The sum, float32 `[samples]`. It may exceed 1, which `limit_peak` mends.
    """
    ratio = tf.pow(10.0, -tf.cast(snr_db, tf.float32) / 10.0)
    return waveform + noise * tf.sqrt(power(waveform) * ratio / (power(noise) + _TINY))


def convolve(waveform: tf.Tensor, response: tf.Tensor) -> tf.Tensor:
    """Convolves by FFT and keeps the first samples, as many as `waveform` has.

    Example:
        >>> wet = convolve(waveform, generated_room(tf.constant([0, 1])))

    Args:
        waveform: Waveform, float32 `[samples]`. Its length is known when the graph is built.
        response: Impulse response, float32 `[taps]`. Its length is known when the graph is built.
    """
    samples, taps = waveform.shape[0], response.shape[0]
    length = scipy.fft.next_fast_len(samples + taps - 1, real=True)
    spectrum = tf.signal.rfft(waveform, [length]) * tf.signal.rfft(response, [length])
    return tf.signal.irfft(spectrum, [length])[:samples]


def reverberate(waveform: tf.Tensor, response: tf.Tensor) -> tf.Tensor:
    """Puts a waveform into a room and restores its power.

    Example:
        >>> wet = reverberate(waveform, generated_room(tf.constant([0, 1])))

    Args:
        waveform: Waveform, float32 `[samples]`.
        response: Impulse response of the room with the direct sound first, float32 `[taps]`.
    """
    wet = convolve(waveform, response)
    return wet * tf.sqrt(power(waveform) / (power(wet) + _TINY))


def equalize(waveform: tf.Tensor, seed: tf.Tensor, decibels: float) -> tf.Tensor:
    """Colours a waveform as another microphone or telephone would, and restores its power.

    The gain in dB is drawn uniformly at seven frequencies, 60 Hz to 8 kHz, evenly spaced on a
    logarithmic axis. It is interpolated linearly between them. The form is our choice. The filter
    has no delay, and the waveform is taken as periodic.

    Example:
        >>> coloured = equalize(waveform, tf.constant([0, 1]), decibels=8.0)

    Args:
        waveform: Waveform, float32 `[samples]`. Its length is known when the graph is built.
        seed: Seed, integer `[2]`.
        decibels: Largest gain and loss, dB.

    Returns:
        The coloured waveform, float32 `[samples]`.
    """
    samples = waveform.shape[0]
    points = np.geomspace(60.0, SAMPLE_RATE / 2, 7)
    hertz = np.clip(np.fft.rfftfreq(samples, 1 / SAMPLE_RATE), points[0], points[-1])
    shares = np.stack([np.interp(np.log(hertz), np.log(points), row) for row in np.eye(7)], axis=1)
    gains = decibels * (2.0 * tf.random.stateless_uniform([7, 1], seed) - 1.0)
    response = tf.pow(10.0, tf.matmul(shares.astype(np.float32), gains)[:, 0] / 20.0)
    spectrum = tf.signal.rfft(waveform) * tf.complex(response, 0.0)
    coloured = tf.signal.irfft(spectrum, [samples])
    return coloured * tf.sqrt(power(waveform) / (power(coloured) + _TINY))


def limit_peak(waveform: tf.Tensor) -> tf.Tensor:
    """Scales a waveform down to a peak of 1 where it exceeds that.

    Example:
        >>> limit_peak(tf.constant([2.0, -1.0])).numpy()
        array([ 1. , -0.5], dtype=float32)
    """
    return waveform / tf.maximum(1.0, tf.reduce_max(tf.abs(waveform)))


def coloured_noise(seed: tf.Tensor, samples: int) -> tf.Tensor:
    """Stationary noise between white and brown; pink lies in the middle.

    Its power falls with frequency as f^-a. The exponent a is drawn uniformly from 0 (white) to 2
    (brown).

    Example:
        >>> coloured_noise(tf.constant([0, 1]), 32000).shape
        TensorShape([32000])

    Returns:
        Noise of no particular level, float32 `[samples]`.
    """
    seeds = tf.random.split(seed, 2)
    exponent = tf.random.stateless_uniform([], seeds[0])
    hertz = np.maximum(np.fft.rfftfreq(samples, 1 / SAMPLE_RATE), _LOWEST_HZ) / _LOWEST_HZ
    shape = tf.exp(-exponent * np.log(hertz).astype(np.float32))
    return tf.signal.irfft(_normal_spectrum(seeds[1], samples) * tf.complex(shape, 0.0), [samples])


def babble_noise(seed: tf.Tensor, samples: int) -> tf.Tensor:
    """Noise that resembles people talking in the background.

    It is Gaussian noise with the long-term spectrum of speech: flat from 100 to 500 Hz, falling by
    9 dB an octave above. Its level wanders as syllables do, at 1 to 8 Hz. The form is our choice.

    Example:
        >>> babble_noise(tf.constant([0, 1]), 32000).shape
        TensorShape([32000])

    Returns:
        Noise of no particular level, float32 `[samples]`.
    """
    seeds = tf.random.split(seed, 2)
    hertz = np.fft.rfftfreq(samples, 1 / SAMPLE_RATE)
    shape = np.minimum(1.0, hertz / 100.0) * np.maximum(hertz / 500.0, 1.0) ** -1.5
    carrier = tf.signal.irfft(
        _normal_spectrum(seeds[0], samples) * tf.constant(shape, tf.complex64), [samples]
    )
    syllables = np.flatnonzero((hertz >= 1.0) & (hertz <= 8.0))
    if len(syllables) == 0:
        return carrier
    phase = 2 * np.pi * tf.random.stateless_uniform([len(syllables), 1], seeds[1])
    slow = tf.complex(tf.cos(phase), tf.sin(phase))[:, 0]
    slow = tf.pad(slow, [[int(syllables[0]), samples // 2 - int(syllables[-1])]])
    level = tf.signal.irfft(slow, [samples]) * (samples / np.sqrt(2.0 * len(syllables)))
    return carrier * tf.exp(0.7 * level)  # level has unit variance: about 6 dB up and down


def generated_room(seed: tf.Tensor, seconds: float = ROOM_SECONDS) -> tf.Tensor:
    """A room's impulse response: direct sound, a few early reflections, a decaying tail.

    Eight reflections come 2 to 50 ms after the direct sound, weaker the later. The tail is Gaussian
    noise that begins at 5 ms. It falls by 60 dB in a reverberation time that is drawn from 0.2 to
    0.8 s. Direct sound stands 0 to 12 dB above the tail. The numbers are our choice, and span
    living rooms to lecture halls.

    Example:
        >>> generated_room(tf.constant([0, 1])).shape
        TensorShape([8000])

    Returns:
        The response, float32 `[seconds * 16000]`. Its first sample is the direct sound.
    """
    taps = round(seconds * SAMPLE_RATE)
    seeds = tf.random.split(seed, 2)
    draws = tf.random.stateless_uniform([18], seeds[0])
    time = np.arange(taps, dtype=np.float32) / SAMPLE_RATE
    decay = tf.exp(-6.9078 / (0.2 + 0.6 * draws[0]) * time)  # exp(-6.9078) is -60 dB
    tail = tf.random.stateless_normal([taps], seed) * decay * (time >= 0.005).astype(np.float32)
    tail *= tf.pow(10.0, -0.6 * draws[1]) * tf.math.rsqrt(tf.reduce_sum(tf.square(tail)) + _TINY)
    delay = 0.002 + 0.048 * draws[2:10]
    place = tf.minimum(tf.cast(delay * SAMPLE_RATE, tf.int32), taps - 1)
    height = (2.0 * draws[10:18] - 1.0) * 0.5 * tf.exp(-delay / 0.03)
    early = tf.math.unsorted_segment_sum(height, place, taps)
    return early + tail + tf.one_hot(0, taps)


def spec_augment(
    features: tf.Tensor,
    seed: tf.Tensor,
    *,
    time_masks: int = 1,
    frequency_masks: int = 1,
    longest_time: int = 10,
    widest_frequency: int = 8,
    probability: float = 1.0,
) -> tf.Tensor:
    """SpecAugment (Park et al., 2019) without time warping, which zeroes random frames and bins.

    Zero is the mean of features from which each bin's mean has been subtracted. The default widths
    suit crops of 200 frames and 80 bins. The papers' recipes do without it, so the training step
    does it on demand only.

    Example:
        >>> masked = spec_augment(features, tf.constant([seed, step]))

    Args:
        features: Features, float `[batch, frames, bins]`.
        seed: Seed, integer `[2]`. Each member of the batch gets masks of its own.
        time_masks: Number of masks over time for each member.
        frequency_masks: Number of masks over bins for each member.
        longest_time: Longest mask in frames. Lengths are uniform from 0 to this.
        widest_frequency: Widest mask in bins. Widths are uniform from 0 to this.
        probability: Chance that a member is masked at all.

    Returns:
        The masked features, of the same shape and dtype.
    """
    batch, frames, bins = tf.unstack(tf.shape(features))
    seeds = tf.random.split(seed, 3)
    keep_frames = _kept(seeds[0], batch, frames, time_masks, longest_time)
    keep_bins = _kept(seeds[1], batch, bins, frequency_masks, widest_frequency)
    untouched = tf.random.stateless_uniform([batch, 1, 1], seeds[2]) >= probability
    keep = untouched | (keep_frames[:, :, None] & keep_bins[:, None, :])
    return tf.where(keep, features, tf.zeros([], features.dtype))


def _kept(seed: tf.Tensor, batch: tf.Tensor, size: tf.Tensor, masks: int, widest: int) -> tf.Tensor:
    """The places outside the masks, boolean `[batch, size]`."""
    draws = tf.random.stateless_uniform([2, batch, masks, 1], seed)
    width = tf.minimum(tf.cast(draws[0] * (widest + 1), tf.int32), size)
    first = tf.cast(draws[1] * tf.cast(size - width + 1, tf.float32), tf.int32)
    place = tf.range(size)
    return ~tf.reduce_any((place >= first) & (place < first + width), axis=1)


def _normal_spectrum(seed: tf.Tensor, samples: int) -> tf.Tensor:
    """Spectrum of white Gaussian noise, complex64 `[samples // 2 + 1]`."""
    parts = tf.random.stateless_normal([2, samples // 2 + 1], seed)
    return tf.complex(parts[0], parts[1])
