"""The same random numbers in TensorFlow's and in PyTorch's process; needs NumPy only."""

import math
import zlib

import numpy as np


def random_tensor(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """A tensor of a state dict, as unlike the initial one as training makes it.

    Variances are larger than 1, or the numbers would grow from block to block of deep networks,
    whose running statistics are not those of what they normalise.
    """
    random = np.random.RandomState(zlib.crc32(name.encode()))
    if name.endswith("running_var"):
        values = random.uniform(2, 6, shape)
    elif len(shape) > 1:
        values = random.normal(0, math.sqrt(2 / math.prod(shape[1:])), shape)
    elif name.endswith("weight"):
        values = random.uniform(0.5, 1.5, shape) * random.choice([1, 1, 1, -1], shape)
    else:
        values = random.normal(0, 0.3, shape)
    return values.astype(np.float32)


def random_features(frames: int, bins: int) -> np.ndarray:
    """float32 `[2, frames, bins]`."""
    return np.random.RandomState(frames).normal(0, 2, (2, frames, bins)).astype(np.float32)


def random_waveform(samples: int, amplitude: float) -> np.ndarray:
    """A harmonic tone that comes and goes, in noise, float32 `[samples]`, 16 kHz."""
    random = np.random.RandomState(samples)
    time = np.arange(samples) / 16000
    tone = sum(np.sin(2 * np.pi * 140 * k * time + k * k) / k for k in range(1, 50))
    tone *= 1 + np.sin(9 * time)
    return (amplitude * (tone + 0.2 * random.normal(size=samples))).astype(np.float32)
