"""How weights become codes: a quantizer for each scheme of the papers, by name."""

from tfsv.quantization.schemes.registry import SCHEMES, Scheme

__all__ = ["SCHEMES", "Scheme"]
