"""Recordings: corpora as manifests, the built-in voices, and the training pipeline."""

SAMPLE_RATE = 16000
"""Samples a second of everything inside tfsv; recordings of other rates are resampled."""
