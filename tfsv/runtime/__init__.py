"""Exported files: read, run and inspected, without TensorFlow."""
