"""Keras networks as TFLite files: folding, conversion, int8, packing."""
