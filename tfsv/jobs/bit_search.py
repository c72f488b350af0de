"""From a float model, data and a budget of bytes to a bit plan."""

import functools
import itertools
import os
import pathlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import tensorflow as tf
import tf_keras as keras

from tfsv.bitwidth.allocation import LookUpTables, WidthTable, smallest
from tfsv.bitwidth.candidates import candidate_quantizers, candidate_weights, chosen, replaced
from tfsv.bitwidth.front import pareto_front, plot_front, uniform_points
from tfsv.bitwidth.hessian import Batches, Loss, mean_loss
from tfsv.bitwidth.plan import BitPlan, LayerPlan
from tfsv.bitwidth.search import (
    Choice,
    block_ties,
    check_budget,
    explained,
    predicted_size,
    search,
    shortcut_ties,
)
from tfsv.bitwidth.sensitivity import Sensitivities, measure, store_file
from tfsv.card import ModelCard
from tfsv.errors import InputError
from tfsv.files import sha256_of_arrays
from tfsv.jobs.plan_files import TABLES, PlanFiles
from tfsv.jobs.settings import BitSearchSettings
from tfsv.quantization.network import quantizable_layers
from tfsv.quantization.schemes import Scheme
from tfsv.quantization.schemes.base import KernelQuantizer
from tfsv.tasks.model_folder import load_model
from tfsv.tasks.task import TASKS, PlainModel, Task, TaskData, sensitivity_methods
from tfsv.training.objective import Objective


class BitSearch:
    """Plans for one float model, by many methods and budgets; what they share is made once.

    Example:
        >>> data = TASKS["verification"].open_data(SpeechData("manifest.tsv"), SpeakerObjective())
        >>> bits = BitSearch("runs/resnet/float", data, pathlib.Path("store"), BitSearchSettings())
        >>> found = bits.sensitivities("kl", 200_000)
        >>> plan = bits.plan(found, bits.choose(found, 200_000), 200_000)

    Args:
        model: Folder of a float model, or the model itself.
        data: The data that the model was trained with.
        store: Folder in which `tfsv.bitwidth.sensitivity.measure` keeps what was measured.
        settings: What decides a plan beside model, data, method and budget.
        task: The task of the model. None: the one that its card names.

    Attributes:
        card: The card of the model.
        candidates: Coded weights by layer and width.
        files: The packed files that plans make.

    Raises:
        InputError: The model is quantized already, or the scheme leaves every layer float.
    """

    def __init__(
        self,
        model: str | os.PathLike | PlainModel,
        data: TaskData,
        store: pathlib.Path,
        settings: BitSearchSettings,
        task: Task | None = None,
    ):
        self._store = store
        self._settings = settings
        if not isinstance(model, PlainModel):
            model = PlainModel(pathlib.Path(model), *load_model(model))
        network, self.card = model.network, model.card
        if self.card.bits:
            raise InputError(f"model={model.folder}: is quantized already; give a float one")
        task = task or TASKS[self.card.task]
        self._scheme = Scheme.parse(settings.scheme)
        coded = set(task.coded_layers(network))
        candidates = candidate_weights(network, self._scheme, settings.candidates)
        self.candidates = {name: row for name, row in candidates.items() if name in coded}
        if not self.candidates:
            raise InputError(f"scheme={self._scheme}: leaves every layer float")
        self.files = PlanFiles(model, task, self.candidates, str(self._scheme), settings.compute)
        self._subject = _Subject(model, data, self.candidates, self._scheme, settings, self.files)
        self._tied = shortcut_ties(self.candidates) if settings.tie_shortcuts else []
        self._tied += block_ties(self.candidates) if settings.tie_blocks else []

    def check(self, budget: int) -> None:
        """Raises InputError if no file is so small, before anything slow is measured."""
        check_budget(budget, self.files.size(self._smallest))

    def sensitivities(self, method: str, budget: int, settings: Any = None) -> Sensitivities:
        """Measures the sensitivities, or reads what was measured before.

        Args:
            method: Name of the method, one of `tfsv.tasks.task.sensitivity_methods()`.
            budget: Bytes of the file; only the architecture search depends on it.
            settings: The method's record. None: its defaults.

        Raises:
            InputError: The method is unknown, the store cannot be written or holds something else,
                or a sensitivity is not finite.
        """
        kind = sensitivity_methods().named(method)
        least = self._smallest
        self._subject.room = (
            budget - self.files.size(least) + predicted_size(self.files.sizes, least, TABLES)
        )
        made = kind.of(self._subject, kind.record() if settings is None else settings)
        widths = sorted({bits for row in self.candidates.values() for bits in row})
        store = store_file(
            self._store, self._subject.network, self.candidates, made,
            f"{self._scheme} {widths}", {use: self._subject.digest(use) for use in kind.uses},
        )  # fmt: skip
        return measure(made, self.candidates, store)

    def choose(self, found: Sensitivities, budget: int) -> Choice:
        """The widths of least predicted loss whose file fits the budget."""
        return search(
            found.table, self.files.sizes, budget, self.files.size, tied=self._tied, tables=TABLES
        )

    def plan(self, found: Sensitivities, choice: Choice, budget: int) -> BitPlan:
        """The plan of a choice, with reasons."""
        layers = explained(choice, found.rows, self.files.sizes)
        return self._plan(found.method, budget, layers, "float by the scheme or the task")

    def float_plan(self, method: str, budget: int, reason: str) -> BitPlan:
        """The plan that leaves every layer float."""
        return self._plan(method, budget, {}, reason)

    def draw_front(
        self,
        path: str | os.PathLike,
        found: Sensitivities,
        choice: Choice,
        budget: int,
        points: int,
    ) -> int:
        """Draws predicted and measured loss over size for other budgets.

        Args:
            path: The picture to write.
            found: Sensitivities of the method.
            choice: The widths that were chosen.
            budget: Bytes of the file for which they were chosen.
            points: Number of budgets to try, at least 2; equal choices are one point.

        Returns:
            Number of points of the front.
        """
        network, batches, loss = self._subject.network, self._subject.batches, self._subject.loss
        before = mean_loss(network, batches, loss)
        rest = choice.size - predicted_size(self.files.sizes, choice.bits, TABLES)

        def measured(bits: Mapping[str, int]) -> float:
            with replaced(network, chosen(self.candidates, bits)):
                return mean_loss(network, batches, loss) - before

        front = pareto_front(found.table, self.files.sizes, points, tied=self._tied, tables=TABLES)
        uniform = uniform_points(found.table, self.files.sizes, TABLES)
        lines = {
            name: [(p.size + rest, p.predicted, measured(p.bits)) for p in points]
            for name, points in (("mixed", front), ("uniform", uniform))
        }
        lines["chosen"] = [(choice.size, choice.loss, measured(choice.bits))]
        plot_front(path, f"{self._name}, {found.method}", lines, budget)
        return len(front)

    @property
    def _name(self) -> str:
        return str(self.card.network.get("name", self._subject.network.name))

    def _plan(
        self, method: str, budget: int, layers: Mapping[str, LayerPlan], otherwise: str
    ) -> BitPlan:
        rows = {}
        for layer in quantizable_layers(self._subject.network):
            size = self.files.others.get(layer.name, 4 * layer.count_params())
            rows[layer.name] = layers.get(layer.name, LayerPlan(32, size, 0.0, otherwise))
        return BitPlan(self._name, method, budget, rows)

    @functools.cached_property
    def _smallest(self) -> dict[str, int]:
        return smallest(self.files.sizes, self._tied, TABLES)


class _Subject:
    """The float network as a `tfsv.bitwidth.subject.Subject`, for methods to measure."""

    room: float = 0.0

    def __init__(
        self,
        parent: PlainModel,
        data: TaskData,
        candidates: Mapping,
        scheme: Scheme,
        settings: BitSearchSettings,
        files: PlanFiles,
    ):
        self._parent = parent
        self._scheme = scheme
        self._settings = settings
        self._files = files
        self.network: keras.Model = parent.network
        self.card: ModelCard = parent.card
        self.data = data
        self.candidates = candidates

    @property
    def sizes(self) -> WidthTable:
        return self._files.sizes

    @property
    def tables(self) -> LookUpTables:
        return TABLES

    @functools.cached_property
    def quantizers(self) -> dict[str, dict[int, KernelQuantizer]]:
        found = candidate_quantizers(self.network, self._scheme, self._settings.candidates)
        return {name: row for name, row in found.items() if name in self.candidates}

    @functools.cached_property
    def batches(self) -> Batches:
        return list(itertools.islice(self.stream(), self._settings.batches))

    def stream(self) -> Iterator[tuple[Any, Any]]:
        features_of = tf.function(self.data.features_of(self.card), autograph=False)
        for raw, targets in self.data.dataset(0):
            yield tf.nest.map_structure(lambda x: x.numpy(), (features_of(raw), targets))

    @functools.cached_property
    def objective(self) -> Objective:
        return self.data.further_objective(self.network, self._parent)

    @functools.cached_property
    def loss(self) -> Loss:
        objective, step = self.objective, tf.constant(0)
        return lambda outputs, targets: objective(outputs, targets, step)[0]

    @property
    def compared(self) -> keras.Model:
        return self.data.compared_network(self.network)

    @property
    def log_probabilities(self) -> Callable[[Any], tf.Tensor]:
        return self.data.log_probabilities(self.objective)

    def digest(self, use: str) -> Any:
        """What tells the data that a method uses from others, as JSON-ready values."""
        if use == "batches":
            return sha256_of_arrays(tf.nest.flatten(self.batches))
        if use == "stream":
            return self.data.identity()
        if use == "objective":
            weights = sha256_of_arrays(self.objective.get_weights())
            return [weights, self.objective.scheduled(0)]
        raise ValueError(f"uses: expected batches, stream or objective. Received: {use}")
