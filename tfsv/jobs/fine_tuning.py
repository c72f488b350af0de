"""Fine-tuning of a quantized network, in one call."""

import os
import pathlib
from collections.abc import Iterable, Mapping
from typing import Any

import tensorflow as tf
import tf_keras as keras

from tfsv.bitwidth.hessian import Loss
from tfsv.quantization.network import quantized_bits
from tfsv.tasks.own import OwnData
from tfsv.training.loop import FitSettings, fit
from tfsv.training.objective import Objective
from tfsv.training.stages import StagedFineTuning, plan_stages


def fine_tune(
    network: keras.Model,
    data: tf.data.Dataset | Iterable[tuple[Any, Any]],
    loss: Loss | Objective,
    folder: str | os.PathLike,
    *,
    steps: int,
    learning_rate: float = 1e-3,
    optimizer: str = "adamw",
    weight_decay: float = 1e-4,
    refresh_steps: int = 100,
    stages: int = 1,
    stage_order: str = "bits",
    sensitivities: Mapping[str, float] | None = None,
    checkpoint_steps: int = 100,
) -> dict[str, float]:
    """Trains a quantized network through its codes, codebooks following, in one go or in stages.

    A killed call goes on at its last checkpoint when it is made again.

    Example:
        >>> quantized = tfsv.quantize(network, bits=2)
        >>> tfsv.fine_tune(quantized, dataset, loss, "runs/two_bits", steps=1000)
        {'loss': 0.0213}

    Args:
        network: A network that `tfsv.quantize` gave, not yet refreshed. It is trained in place.
        data: Batches of inputs and targets; they are repeated.
        loss: A function from outputs and targets to the losses of a batch, or an objective that is
            built.
        folder: Folder for checkpoints and TensorBoard curves.
        steps: Steps of all stages together.
        learning_rate: First learning rate of each stage; it decays to a tenth.
        optimizer: Name of the optimizer, one of `tfsv.training.optimizers.OPTIMIZERS`.
        weight_decay: Weight decay.
        refresh_steps: Steps between two refreshes of the codebooks.
        stages: Number of stages, which share the steps; 1: all layers in one go.
        stage_order: Order in which layers are quantized: "bits" (the widest first; a stage for each
            width), "sensitivity" or "front".
        sensitivities: Loss that each layer's bits cost, by name, for the order "sensitivity".
        checkpoint_steps: Steps between two checkpoints.

    Returns:
        Means of the loss and of an objective's named values over the last hundred steps.

    Raises:
        InputError: The stages do not fit the network, the loss is not finite any more, or another
            process works in the folder.
        KeyboardInterrupt: Ctrl-C stopped it after a step, of which there is a checkpoint.
    """
    plan = plan_stages(
        stage_order, stages, quantized_bits(network), sensitivities, steps, learning_rate
    )
    staged = StagedFineTuning(network, plan, refresh_steps)
    settings = FitSettings(
        steps,
        staged.learning_rate,
        optimizer=optimizer,
        weight_decay=weight_decay,
        checkpoint_steps=checkpoint_steps,
        on_step=staged.on_step,
        state=staged,
    )
    own = OwnData(data, loss)
    return fit(
        network, own.objective(network, steps), own.dataset, settings, pathlib.Path(folder),
        "fine-tuning",
    )  # fmt: skip
