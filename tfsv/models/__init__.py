"""The networks: fbank features in, embedding out."""

from tfsv.models.registry import NETWORKS, build_network, resolve_sizes

__all__ = ["NETWORKS", "build_network", "resolve_sizes"]
