"""How a file can store its kernels and what it can compute with."""

COMPUTE_FORMS = {
    "float32": ("float32",),
    "int8": ("int8_weights", "int8"),
    "packed": ("int8_weights", "float32", "int8"),
}
"""What a file can compute with, by how it stores its kernels; the first is the default.

float32: float kernels and activations. int8_weights: int8 kernels, float activations, which the
runtime quantizes on the fly; depthwise kernels stay float. int8: int8 kernels and activations.
"""
