"""Names of what a separator's file takes and gives."""

MIXTURE = "mixture"
"""Input: what the microphones hear, float32 `[1, microphones, samples]`."""

ANGLE = "angle"
"""Input: the angle that is asked for, degrees, float32 `[1]`."""

SEPARATED = "separated"
"""Output: the sound from there, float32 `[1, samples]`, up to a multiple of 256 samples."""

BEFORE = "before_"
"""Beginning of the names of a stream's inputs that the call before gave; zeros at first."""

AFTER = "after_"
"""Beginning of the names of a stream's outputs that the next call gets; the rest is equal."""
