"""Further training of a float model and of all that was quantized from it, the same for all."""

import dataclasses
import pathlib
from collections.abc import Callable
from typing import Any

import tensorflow as tf
import tf_keras as keras

from tfsv.bitwidth.plan import BitPlan
from tfsv.errors import InputError
from tfsv.jobs.settings import REFRESH_STEPS, FineTuning, FloatTraining
from tfsv.quantization.network import quantized_bits
from tfsv.tasks.model_folder import load_model
from tfsv.tasks.task import PlainModel, TaskData
from tfsv.training.distillation import LiveTeacher, TaughtNetwork
from tfsv.training.loop import FitSettings, fit
from tfsv.training.schedules import LearningRate
from tfsv.training.stages import StagedFineTuning, plan_stages

_RELATIONS = 0.5  # weight of the parent's relations as part of that of its embeddings

Crops = Callable[[int], tf.data.Dataset]
"""A function from a step of the further training to the data from there on."""


@dataclasses.dataclass(frozen=True)
class FurtherTraining:
    """The further epochs of every network with one float parent: the same data in one order.

    The data are those that follow the float training in the endless stream. The objective goes on
    from the parent's, its schedules at their ends. For a parent without an objective, such as an
    imported network, the task puts something in its place.

    Example:
        >>> further = FurtherTraining(data, FloatTraining(), FineTuning(epochs=5))
        >>> further.run(quantized, parent, folder, "2 bits", further.stages(quantized))

    Attributes:
        data: The data of training.
        float_training: Settings with which the parent was trained.
        settings: Settings of the further training.
        strategy: Distribution strategy of the training. None: the current one.
        held: A function from a step to network inputs and targets that were made before, without
            masks. None: they are made in the step from what `data` gives.
    """

    data: TaskData
    float_training: FloatTraining
    settings: FineTuning
    strategy: tf.distribute.Strategy | None = None
    held: Crops | None = None

    @property
    def steps(self) -> int:
        """Steps of each fit."""
        return max(1, round(self.settings.epochs * self.data.steps_per_epoch))

    @property
    def first_step(self) -> int:
        """Step of the float training's stream at which the further data begin."""
        return max(1, round(self.float_training.epochs * self.data.steps_per_epoch))

    def stages(
        self, network: keras.Model, plan: BitPlan | None = None, *, calibrated: bool = False
    ) -> StagedFineTuning:
        """What fine-tuning does with a quantized network, step by step.

        Args:
            network: A quantized network with nothing switched on yet.
            plan: The network's bit plan, whose sensitivities order the stages. None: it has none.
            calibrated: Whether it begins at calibrated codes, which are refreshed on demand only.

        Raises:
            InputError: The stages do not fit the network.
        """
        layers = plan.layers if plan else {}
        sensitivities = {name: layer.sensitivity for name, layer in layers.items()}
        stages = plan_stages(
            self.settings.stage_order, self.settings.stages, quantized_bits(network),
            sensitivities or None, self.steps, self.settings.learning_rate,
        )  # fmt: skip
        refresh_steps = self.settings.refresh_steps or (None if calibrated else REFRESH_STEPS)
        return StagedFineTuning(network, stages, refresh_steps)

    def run(
        self,
        network: keras.Model,
        parent: PlainModel,
        folder: pathlib.Path,
        name: str,
        staged: StagedFineTuning | None = None,
    ) -> None:
        """Trains a network in place; a killed run of the same folder goes on.

        Args:
            network: A quantized network, or the float one itself, as the control.
            parent: The float model, as its training left it.
            folder: Folder for checkpoints and curves.
            name: Name to show before the progress bar.
            staged: What `stages` gave for the network. None: it is the control, which has no
                stages.

        Raises:
            InputError: The optimizer is unknown, the loss is not finite any more, or a checkpoint
                does not fit or cannot be written. It is also raised where the data have no targets
                and the parent does not teach.
        """
        further, before = self.settings, self.float_training
        rate = further.learning_rate
        decay = before.weight_decay if further.weight_decay is None else further.weight_decay
        settings = FitSettings(
            self.steps,
            staged.learning_rate if staged else LearningRate(rate, rate / 10, self.steps),
            optimizer=further.optimizer or before.optimizer,
            weight_decay=decay,
            checkpoint_steps=before.checkpoint_steps,
            unit=self.data.unit,
            clip_norm=before.clip_norm,
            bfloat16=before.bfloat16,
            on_step=staged.on_step if staged else None,
            state=staged,
        )
        strategy = self.strategy or tf.distribute.get_strategy()
        trained = network
        with strategy.scope():
            objective = self.data.further_objective(network, parent)
            if further.parent_weight:
                trained = TaughtNetwork(network, load_model(parent.folder)[0])
                objective = LiveTeacher(
                    objective, further.parent_weight, further.parent_weight * _RELATIONS
                )
        if objective is None:
            raise InputError("parent_weight=0: without labels the parent must teach; give 10")
        features_of = None if self.held else self.data.features_of(parent.card)
        fit(
            trained, objective, self.held or self._data, settings, folder, name,
            inputs_of=training_inputs(self.data, features_of, self.data.seed + 1),
            strategy=strategy,
        )  # fmt: skip

    def _data(self, step: int) -> tf.data.Dataset:
        return self.data.dataset(self.first_step + step)


def training_inputs(
    data: TaskData, features_of: Callable[[Any], Any] | None, seed: int
) -> Callable[[Any, tf.Tensor], Any]:
    """What a training step does to the dataset's inputs: features, then masks.

    Example:
        >>> inputs_of = training_inputs(data, data.features_of(card), seed=0)
        >>> fit(network, objective, data.dataset, settings, folder, "float", inputs_of=inputs_of)

    Args:
        data: The data of training.
        features_of: A function from raw inputs to the network's inputs. None: the dataset gives
            the latter already.
        seed: Seed of the masks.

    Returns:
        A function from the dataset's inputs and the step to the network's inputs.
    """
    masked = data.masks(seed)
    if features_of is None:
        return masked
    return lambda raw, step: masked(features_of(raw), step)
