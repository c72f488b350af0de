"""How weights become codes: a quantizer a file, each of which adds itself to `SCHEMES`.

Neither this package nor a `Scheme` that is only named needs TensorFlow; the quantizers do, and
they are imported when the table is first looked into.
"""

from tfsv.quantization.schemes.registry import SCHEMES
from tfsv.quantization.schemes.scheme import Scheme

__all__ = ["SCHEMES", "Scheme"]
