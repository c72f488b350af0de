"""Projection shortcuts, which are known by the ends of their layers' names."""

SUFFIX = "_shortcut"
"""End that the name of a projection shortcut adds to the name of its block."""


def is_shortcut(name: str) -> bool:
    """Whether a layer of this name is a projection shortcut.

    Example:
        >>> is_shortcut("stage2_block1_shortcut")
        True
    """
    return name.endswith(SUFFIX)


def block_of(shortcut: str) -> str:
    """The beginning of the names of all layers in a shortcut's block.

    Example:
        >>> block_of("stage2_block1_shortcut")
        'stage2_block1_'
    """
    return shortcut.removesuffix(SUFFIX) + "_"
