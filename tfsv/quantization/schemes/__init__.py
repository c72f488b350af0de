"""The quantizers, which make codes of weights. Each has a file and adds itself to `SCHEMES`.

This package and a `Scheme` that is only named need no TensorFlow. The quantizers need it, and are
imported when the table is first looked into.
"""

from tfsv.quantization.schemes.registry import SCHEMES
from tfsv.quantization.schemes.scheme import Scheme

__all__ = ["SCHEMES", "Scheme"]
