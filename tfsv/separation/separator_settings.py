"""Sizes and form of a separator. This module imports no TensorFlow."""

import dataclasses

from tfsv.settings import require, setting

PHASES = ("cos", "cos_sin")
"""What stands for the phase difference of a pair of microphones."""

NORMS = ("global", "cumulative", "batch")
"""Normalisations of a separator. All but "global" can be part of a causal one."""


@dataclasses.dataclass(frozen=True)
class SeparatorSettings:
    """What builds a separator.

    Example:
        >>> dataclasses.replace(SIZES["half"], causal=True).chosen_norm
        'cumulative'

    Attributes:
        stacks: Number of stacks of blocks. The paper's is not given, 4 fit its sizes.
        blocks: Blocks of a stack, each of which is dilated twice as far as the one before.
        channels: Channels between blocks, 256 in the paper.
        hidden: Channels within a block, 512 in the paper.
        causal: Whether a frame depends on no later one. A network is trained in one form or the
            other. The paper's hears whole utterances.
        norm: Normalisation: "global", "cumulative" or "batch". Empty: "cumulative" where the
            network is causal, and "global" where not.
        phase: What stands for a phase difference of microphones, one of `PHASES`.

    Raises:
        InputError: A size or the normalisation is impossible.
    """

    stacks: int = setting(4, "Stacks of dilated blocks.")
    blocks: int = setting(8, "Blocks of a stack; each doubles the dilation.")
    channels: int = setting(128, "Channels between blocks.")
    hidden: int = setting(256, "Channels within a block.")
    causal: bool = setting(False, "Let a frame depend on no later one.")
    norm: str = setting("", "Normalisation: global, cumulative or batch. Empty: by the form.")
    phase: str = setting(PHASES[0], "What stands for a phase difference: cos or cos_sin.")

    def __post_init__(self):
        possible = ("", *(NORMS[1:] if self.causal else NORMS))
        expected = " or ".join(possible[1:]) + " (or empty)"
        require(
            self,
            ("stacks", 1 <= self.stacks <= 16, "1 to 16"),
            ("blocks", 1 <= self.blocks <= 12, "1 to 12"),
            ("channels", 1 <= self.channels <= 4096, "1 to 4096"),
            ("hidden", 1 <= self.hidden <= 4096, "1 to 4096"),
            ("norm", self.norm in possible, expected + (" in a causal network" * self.causal)),
            ("phase", self.phase in PHASES, " or ".join(PHASES)),
        )

    @property
    def chosen_norm(self) -> str:
        """The normalisation, one of `NORMS`."""
        return self.norm or ("cumulative" if self.causal else "global")


SIZES = {
    "paper": SeparatorSettings(channels=256, hidden=512),
    "half": SeparatorSettings(),
    "small": SeparatorSettings(stacks=2, blocks=6, channels=96, hidden=192),
}
"""Settings of named sizes: paper 4's, half its width, and one that learns within minutes."""
