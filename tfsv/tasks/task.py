"""What differs from task to task: a network's making, its data, its objective and its measuring.

Everything else (codebooks, search of bits, fine-tuning, packing) is the same for every task and
knows none of them. A task is a subclass of `Task` in a file of `tfsv.tasks.definitions`, or
anywhere else if its maker adds it to `TASKS`.
"""

import abc
import dataclasses
import os
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from tfsv.bitwidth.methods import METHODS
from tfsv.card import ModelCard
from tfsv.errors import InputError
from tfsv.registry import Registry
from tfsv.report import Report

if TYPE_CHECKING:
    import numpy as np
    import tensorflow as tf
    import tf_keras as keras

    from tfsv.bitwidth.sensitivity import Method
    from tfsv.conversion.ends import Ends
    from tfsv.training.objective import Objective


@dataclasses.dataclass(frozen=True)
class Measured:
    """What measuring a model gave.

    Example:
        >>> measured = data.measure(PlainModel(folder, network, card))
        >>> card.decision = dict(measured.decision)

    Attributes:
        report: The measurements.
        decision: What the model decides with from now on, such as thresholds.
    """

    report: Report
    decision: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class PlainModel:
    """A network without quantizers, its card, and its folder.

    Example:
        >>> network, card = load_model("runs/resnet/fine_tuned")
        >>> model = PlainModel(pathlib.Path("runs/resnet/fine_tuned"), strip(network)[0], card)

    Attributes:
        folder: The model folder.
        network: The network; its kernels are decoded ones if it was quantized.
        card: The card, with the bits that the network was quantized to.
    """

    folder: pathlib.Path
    network: "keras.Model"
    card: ModelCard


@dataclasses.dataclass(frozen=True)
class RecordedInputs:
    """Inputs of a network that were made of unlabelled recordings.

    Example:
        >>> heard = task.recorded_inputs(RecordingSettings("recordings"), card)
        >>> quantize_on(network, 3, heard.batches)

    Attributes:
        batches: Batches of the network's inputs.
        recordings: The recordings that they were made of.
    """

    batches: "Sequence[np.ndarray]"
    recordings: Sequence[str | os.PathLike]


class TaskData(abc.ABC):
    """What a run trains and measures with.

    Example:
        >>> data = TASKS["verification"].open_data(SpeechData("manifest.tsv"), SpeakerObjective())
        >>> inputs, targets = next(iter(data.dataset(0)))

    Attributes:
        seed: Seed from which everything random of the run follows.
        steps_per_epoch: Number of batches that hold everything once.
        unit: Name in progress bars of what a batch holds.
    """

    seed: int = 0
    steps_per_epoch: int
    unit: str = "examples"

    def files(self) -> Mapping[str, str | pathlib.Path]:
        """Files that decide the outcome, by name; their hashes tell this run from others.

        Raises:
            InputError: A file is missing or unfit, which is told before hours of training.
        """
        return {}

    def identity(self) -> Mapping[str, Any]:
        """What decides the batches of `dataset`, as JSON-ready values."""
        return {}

    def completed(self, card: ModelCard) -> ModelCard:
        """A new network's card with what the data decide, such as how many microphones hear."""
        return card

    def trained_on(self) -> str:
        """The data of training, in words, for the card."""
        return ""

    def folder(self) -> pathlib.Path | None:
        """Folder of the data, to which the run's folder gets a link; None: there is none."""
        return None

    def prepare(self, folder: pathlib.Path) -> None:  # noqa: B027
        """Makes once what training needs beside the data, such as a teacher's embeddings.

        It is called before something is trained, and not for what is only quantized or measured.

        Args:
            folder: Folder of the run, where it is kept.

        Raises:
            InputError: It cannot be made.
        """

    @abc.abstractmethod
    def dataset(self, first_step: int) -> "tf.data.Dataset":
        """Endless batches of (raw inputs, targets) from a step on.

        The batch of a step depends on its number only, so that a killed run can go on.
        """

    def features_of(self, card: ModelCard) -> Callable[[Any], Any]:
        """A function of tensors from raw inputs to the network's inputs, without randomness."""
        return lambda raw: raw

    def masks(self, seed: int) -> "Callable[[Any, tf.Tensor], Any]":
        """A function of inputs and step that changes the network's inputs at random in training."""
        return lambda inputs, step: inputs

    @abc.abstractmethod
    def objective(self, network: "keras.Model", steps: int) -> "Objective":
        """A new objective for a network and a fit of so many steps, built for its outputs."""

    def further_objective(
        self, network: "keras.Model", parent: PlainModel, steps: int = 0
    ) -> "Objective | None":
        """The objective of a network that goes on from a trained float parent.

        The default takes nothing from the parent.

        Args:
            network: The network to train, quantized or float.
            parent: The float model that it was made of.
            steps: Steps that schedules run over, as in `objective`. 0: they are at their ends.

        Returns:
            The objective. None: the data have no targets, and the parent is all there is to learn
            from.
        """
        return self.objective(network, steps)

    def save_objective(self, folder: pathlib.Path, objective: "Objective") -> None:  # noqa: B027
        """Keeps in a model's folder what `further_objective` goes on from."""

    def compared_network(self, network: "keras.Model") -> "keras.Model":
        """The network whose outputs `log_probabilities` takes, the whole one by default.

        Paper 4 compares what its last block gives, not the sound that is made of it.

        Args:
            network: The trained network.

        Returns:
            A network with the same inputs and on the same layers.
        """
        return network

    def log_probabilities(self, objective: "Objective") -> "Callable[[Any], tf.Tensor]":
        """A function from `compared_network`'s outputs to log probabilities, for divergences.

        Paper 4 passes a network's outputs through a sigmoid, and so does the default. Each output
        is the logit of one of two events.

        Args:
            objective: The objective of the trained network.

        Returns:
            A function that gives log probabilities, float `[..., events]`. The probabilities sum to
            1 over the last axis.
        """
        import tensorflow as tf

        def events(outputs: Any) -> tf.Tensor:
            logits = tf.concat([tf.reshape(x, [-1]) for x in tf.nest.flatten(outputs)], 0)
            return tf.stack([tf.math.log_sigmoid(logits), tf.math.log_sigmoid(-logits)], axis=-1)

        return events

    @abc.abstractmethod
    def measure(self, model: PlainModel) -> Measured:
        """Measures a plain network, its kernels decoded if it was quantized."""

    def for_card(self, report: Report) -> dict[str, float]:
        """What a model's card keeps of a report, by name; the default keeps all measurements."""
        return {measurement.name: measurement.value for measurement in report}

    def measurer(self, card: ModelCard, folder: pathlib.Path) -> Callable[[Any], Report]:
        """A function that measures many networks of one card for a study.

        What can be prepared once is prepared here.

        Args:
            card: Card of the float network of the study.
            folder: Folder of the study.

        Returns:
            A function from a plain network to its report, best with intervals and replicates.
        """
        return lambda network: self.measure(PlainModel(folder, network, card)).report


class Task(abc.ABC):
    """A kind of network: how it is built, what its file takes and gives, what it learns from.

    Example:
        >>> task = TASKS["verification"]
        >>> card = task.new_card(task.network_record("resnet18"))
        >>> network = task.build(card)

    Attributes:
        name: Name of the task in cards and recipes.
        network_record: Frozen dataclass of what builds a network; every field has a default.
        data_record: Frozen dataclass of where data come from and how they are fed.
        objective_record: Frozen dataclass of what the network is trained for.
        recordings_record: Frozen dataclass of unlabelled recordings to calibrate on. None: the task
            has no such recordings.
        method_packages: Packages with further sensitivity methods, which ask for this task's data.
    """

    name: ClassVar[str]
    network_record: ClassVar[type]
    data_record: ClassVar[type]
    objective_record: ClassVar[type]
    recordings_record: ClassVar[type | None] = None
    method_packages: ClassVar[tuple[str, ...]] = ()

    def resolved(self, network: Any) -> Any:
        """A `network_record` with everything filled in that it leaves open.

        Raises:
            InputError: A name or size is impossible; the message names the setting.
        """
        return network

    @abc.abstractmethod
    def new_card(self, network: Any) -> ModelCard:
        """The card of a network that is to be trained, its sizes filled in.

        Args:
            network: A `network_record`.

        Raises:
            InputError: A name or size is impossible; the message names the setting.
        """

    def check(self, card: ModelCard, source: str) -> None:  # noqa: B027
        """Checks the tables of a card that belong to the task.

        Raises:
            InputError: A value of a table is wrong; the message names the source.
        """

    @abc.abstractmethod
    def build(self, card: ModelCard) -> "keras.Model":
        """The float network that a card describes, its weights not yet loaded."""

    def filled(self, card: ModelCard) -> ModelCard:
        """The card, as long as measuring will make it, to tell the size of a file beforehand."""
        return card

    @abc.abstractmethod
    def ends(self, card: ModelCard) -> "Ends":
        """Inputs and outputs of the exported file, and what stands between them and the network."""

    @abc.abstractmethod
    def open_data(self, data: Any, objective: Any) -> TaskData:
        """The data that a record describes.

        Args:
            data: A `data_record`.
            objective: An `objective_record`.

        Raises:
            InputError: The data cannot be read.
        """

    def recorded_inputs(self, recordings: Any, card: ModelCard) -> RecordedInputs:
        """Inputs of a card's network, made of recordings without labels.

        Args:
            recordings: A `recordings_record`.
            card: Card of the network, whose front end makes the inputs.

        Raises:
            InputError: No recording can be used, or the task has none.
        """
        raise InputError(f"task={self.name}: has no recordings to calibrate on")

    def unlabelled_data(self, recordings: Any, *, batch_size: int, augment: bool) -> TaskData:
        """The data of a training on recordings without labels, which only a parent teaches.

        Args:
            recordings: A `recordings_record`.
            batch_size: Number of examples in a batch.
            augment: Whether inputs are changed at random.

        Raises:
            InputError: No recording can be used, or the task has none.
        """
        raise InputError(f"task={self.name}: has no recordings to train on without labels")

    def coded_layers(self, network: "keras.Model") -> list[str]:
        """Names of the layers that may get bits; the default names all that have kernels."""
        from tfsv.quantization.network import quantizable_layers

        return [layer.name for layer in quantizable_layers(network)]


TASKS: Registry[Task] = Registry("task", "tfsv.tasks.definitions")
"""Tasks by name."""

DEFAULT_TASK = "verification"
"""Task of commands and recipes that name none."""


def sensitivity_methods() -> "Registry[type[Method]]":
    """All sensitivity methods by name, those of tasks included.

    Example:
        >>> "perturbation" in sensitivity_methods()
        True
    """
    for task in TASKS.values():
        for package in task.method_packages:
            METHODS.search(package)
    return METHODS
