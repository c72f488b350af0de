"""Weights as codes: codebooks, quantizers, coded weights."""
