"""Settings of the search for bits. This module imports no TensorFlow."""

import dataclasses

from tfsv.settings import setting


@dataclasses.dataclass(frozen=True)
class MixingSettings:
    """Settings of the search for widths by training.

    Paper 4 and its authors' arXiv:2112.11438 give no figures, so these are ours.

    Example:
        >>> settings = MixingSettings(steps=400)

    Attributes:
        steps: Number of batches, each of which moves weights and logits.
        logit_rate: Adam's learning rate for the logits.
        weight_rate: Adam's learning rate for all that the network trains.
        penalty: Factor of the squared excess of the expected bytes over their limit, relative to
            the limit. At a tenth too much the loss rises by a hundredth of it.
        descent: Part of the steps in which the limit falls, exponentially, from the bytes at the
            first step to the budget.
        temperature: Temperature of the softmax over logits at the last step. It is 1 at the first
            step and falls exponentially.
        refresh_steps: Number of steps between two refreshes of the codebooks.
    """

    steps: int = setting(200, "Batches to train mixed widths for (architecture).")
    logit_rate: float = 0.1
    weight_rate: float = 1e-3
    penalty: float = 50.0
    descent: float = 0.5
    temperature: float = 0.1
    refresh_steps: int = 20
