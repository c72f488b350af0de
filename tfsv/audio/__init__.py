"""Recordings: corpora as manifests, the built-in voices, and the training pipeline."""
