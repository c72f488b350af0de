"""Room in Python's stack for Keras to walk deep networks."""

import sys

_BESIDE = 1000  # calls, Python's usual limit, for all that is not the walk


def allow_depth(layers: int) -> None:
    """Raises Python's limit of nested calls to what a network of so many layers needs.

    Keras calls itself once for each layer when it makes a functional network or changes one. The
    limit is that of the process and is never lowered, since the network is walked again later.

    Example:
        >>> allow_depth(970)
        >>> sys.getrecursionlimit() >= 1970
        True

    Args:
        layers: Number of layers on the longest path through the network.
    """
    sys.setrecursionlimit(max(sys.getrecursionlimit(), _BESIDE + layers))
