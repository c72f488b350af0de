"""The networks, with a file for each family, which adds its own to `tfsv.models.NETWORKS`.

A new file here is found by itself. The order of the imports is that of messages.
"""

# isort: off
from tfsv.models.networks import resnet
from tfsv.models.networks import dfresnet
from tfsv.models.networks import simam
from tfsv.models.networks import ecapa
from tfsv.models.networks import xvector
from tfsv.models.networks import ge2e
from tfsv.models.networks import campplus
from tfsv.models.networks import eres2net
from tfsv.models.networks import redimnet2

__all__ = [
    "campplus",
    "dfresnet",
    "ecapa",
    "eres2net",
    "ge2e",
    "redimnet2",
    "resnet",
    "simam",
    "xvector",
]
