"""A reader's own Keras network, which no task knows: it can be searched and packed all the same."""

from collections.abc import Iterable
from typing import Any, ClassVar

import tensorflow as tf
import tf_keras as keras

from tfsv.bitwidth.hessian import Loss
from tfsv.card import ModelCard
from tfsv.conversion.ends import Ends
from tfsv.errors import InputError
from tfsv.report import Report
from tfsv.tasks.task import Measured, PlainModel, Task, TaskData
from tfsv.training.objective import Objective


class OwnObjective(Objective):
    """A loss function as an objective.

    Example:
        >>> objective = OwnObjective(lambda outputs, targets: tf.square(outputs - targets)[:, 0])

    Args:
        loss: A function from outputs and targets to the losses of a batch.
        **kwargs: Arguments that every Keras layer takes, such as `name`.
    """

    def __init__(self, loss: Loss, **kwargs: Any):
        super().__init__(**kwargs)
        self._loss = loss

    def call(self, outputs: Any, targets: Any, step: tf.Tensor) -> tuple[tf.Tensor, dict]:
        """The losses of a batch, whatever the step, and nothing else to show."""
        return self._loss(outputs, targets), {}


class OwnData(TaskData):
    """Batches that a reader gives.

    Example:
        >>> data = OwnData([(inputs, targets), (others, their_targets)], loss)
        >>> data.steps_per_epoch
        2

    Args:
        batches: Pairs of network inputs and targets: a dataset, or a list of arrays.
        loss: A function from outputs and targets to the losses of a batch, or an objective that is
            built already.
    """

    def __init__(
        self, batches: tf.data.Dataset | Iterable[tuple[Any, Any]], loss: Loss | Objective
    ):
        if not isinstance(batches, tf.data.Dataset):
            batches = _dataset(batches)
        self._batches = batches
        self._loss = loss

    @property
    def steps_per_epoch(self) -> int:
        """Number of batches of the dataset.

        Raises:
            InputError: The dataset is endless or does not know its length.
        """
        count = int(self._batches.cardinality())
        if count < 1:
            raise InputError("the data have no end or no length; say how many steps to take")
        return count

    def dataset(self, first_step: int) -> tf.data.Dataset:
        """The batches over and over, from a step on."""
        return self._batches.repeat().skip(first_step)

    def objective(self, network: keras.Model, steps: int) -> Objective:
        """The loss as an objective."""
        return self._loss if isinstance(self._loss, Objective) else OwnObjective(self._loss)

    def measure(self, model: PlainModel) -> Measured:
        """An empty report, since nothing is measured."""
        return Measured(Report("", ()))


class OwnNetwork(Task):
    """The task of one network that is there already.

    Example:
        >>> task = OwnNetwork(network)
        >>> print(*task.ends(task.new_card()).inputs)
        input_1 float32 [1, any, 80]

    Args:
        network: The float network.
        ends: Inputs and outputs of the network's file. None: those of the network.
    """

    name: ClassVar = "own"
    network_record: ClassVar = dict
    data_record: ClassVar = dict
    objective_record: ClassVar = dict

    def __init__(self, network: keras.Model, ends: Ends | None = None):
        self._network = network
        self._ends = ends

    def new_card(self, network: Any = None) -> ModelCard:
        """A card without a task."""
        return ModelCard()

    def build(self, card: ModelCard) -> keras.Model:
        """The network itself."""
        return self._network

    def ends(self, card: ModelCard) -> Ends:
        """The ends that were given, or else those of the network."""
        return self._ends or Ends.of(self._network)

    def open_data(self, data: Any, objective: Any) -> TaskData:
        """Batches as the data, and a loss as the objective."""
        return OwnData(data, objective)


def _dataset(batches: Iterable[tuple[Any, Any]]) -> tf.data.Dataset:
    held = list(batches)
    if not held:
        raise InputError("no batches of data were given")

    def spec(part: Any) -> tf.TensorSpec:
        part = tf.convert_to_tensor(part)
        return tf.TensorSpec([None, *part.shape[1:]], part.dtype)

    signature = tf.nest.map_structure(spec, tuple(held[0]))
    dataset = tf.data.Dataset.from_generator(lambda: iter(held), output_signature=signature)
    return dataset.apply(tf.data.experimental.assert_cardinality(len(held)))
