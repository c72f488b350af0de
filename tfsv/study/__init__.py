"""Comparison of quantization schemes on float models that were trained before."""
