"""The networks: fbank features in, embedding out.

TensorFlow is imported when a network is built or a table is looked into, not with this package.
"""

from typing import TYPE_CHECKING

from tfsv.lazy import lazily
from tfsv.models.registry import NETWORKS, POOLINGS, NetworkEntry
from tfsv.models.settings import NetworkSettings, build_network

if TYPE_CHECKING:
    from tfsv.models.complexity import multiply_accumulates
    from tfsv.models.pooling import pooled
    from tfsv.models.pretrained import Imported, import_checkpoint

__all__ = [
    "NETWORKS",
    "POOLINGS",
    "Imported",
    "NetworkEntry",
    "NetworkSettings",
    "build_network",
    "import_checkpoint",
    "multiply_accumulates",
    "pooled",
]

_MODULES = {
    "Imported": "tfsv.models.pretrained",
    "import_checkpoint": "tfsv.models.pretrained",
    "multiply_accumulates": "tfsv.models.complexity",
    "pooled": "tfsv.models.pooling",
}

__getattr__ = lazily(__name__, _MODULES)
