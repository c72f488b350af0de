"""Sound as the bytes of a wav file."""

import io

import numpy as np
import soundfile

from tfsv.audio.soundfiles import SAMPLE_RATE


def wav_bytes(sound: np.ndarray) -> bytes:
    """What a 16-bit wav file of a sound holds.

    The bytes are made in memory: libsndfile does not say why a file could not be written.

    Example:
        >>> len(wav_bytes(np.zeros(16000)))
        32044

    Args:
        sound: Samples from -1 to 1, `[samples]` or `[samples, channels]`, 16 kHz.
    """
    content = io.BytesIO()
    soundfile.write(content, sound, SAMPLE_RATE, subtype="PCM_16", format="WAV")
    return content.getvalue()
