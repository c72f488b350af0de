"""How a file can store its kernels and what it can compute with."""

COMPUTE_FORMS = {
    "float32": ("float32",),
    "int8": ("int8_weights", "int8"),
    "packed": ("int8_weights", "float32", "int8"),
}
"""What a file can compute with, by how it stores its kernels; the first is the default.

With "float32", kernels and activations are float. With "int8_weights", kernels are int8, and the
runtime quantizes float activations on the fly; depthwise kernels stay float. With "int8", kernels
and activations are int8. A layer of 16 bits computes in float in every form.
"""
