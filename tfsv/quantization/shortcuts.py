"""How projection shortcuts are known: by the ends of their layers' names."""

SUFFIX = "_shortcut"
"""What the name of a projection shortcut adds to that of its block."""


def is_shortcut(name: str) -> bool:
    """Whether a layer of this name is a projection shortcut."""
    return name.endswith(SUFFIX)


def block_of(shortcut: str) -> str:
    """What the names of all layers of a shortcut's block begin with.

    Example:
        >>> block_of("stage2_block1_shortcut")
        'stage2_block1_'
    """
    return shortcut.removesuffix(SUFFIX) + "_"
