"""The flags that say how the models of a comparison are trained further."""

from typing import TYPE_CHECKING

from absl import flags

if TYPE_CHECKING:
    from tfsv.study.comparison import Further

_EPOCHS = flags.DEFINE_float("finetune_epochs", 1, "Epochs of fine-tuning and control.", 1e-3)
_OPTIMIZER = flags.DEFINE_enum("optimizer", "sgd", ["sgd", "adamw"], "Of fine-tuning.")
_RATE = flags.DEFINE_float(
    "learning_rate", 0.01, "First learning rate of fine-tuning and of each stage; to a tenth.", 0
)
_DECAY = flags.DEFINE_float("weight_decay", 1e-4, "Weight decay of fine-tuning.", 0)
_REFRESH = flags.DEFINE_integer(
    "refresh_steps", 20, "Steps between two refreshes of the codebooks.", 1
)


def further() -> "Further":
    """What the flags say, as `tfsv.study.comparison.Further`."""
    from tfsv.study.comparison import Further  # TensorFlow: not for --help

    return Further(
        epochs=_EPOCHS.value,
        optimizer=_OPTIMIZER.value,
        learning_rate=_RATE.value,
        weight_decay=_DECAY.value,
        refresh_steps=_REFRESH.value,
    )
