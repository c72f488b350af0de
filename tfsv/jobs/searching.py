"""The bits of each layer for a budget, in one call."""

import os
import pathlib
import tempfile
from collections.abc import Iterable
from typing import Any

import tf_keras as keras

from tfsv.bitwidth.hessian import Loss
from tfsv.bitwidth.plan import BitPlan
from tfsv.bitwidth.search import parse_budget
from tfsv.card import ModelCard
from tfsv.jobs.bit_search import BitSearch
from tfsv.jobs.settings import BitSearchSettings
from tfsv.tasks.own import OwnData, OwnNetwork
from tfsv.tasks.task import PlainModel, TaskData
from tfsv.training.objective import Objective


def search_bits(
    model: keras.Model | str | os.PathLike,
    budget: int | str,
    data: TaskData | Iterable[tuple[Any, Any]],
    loss: Loss | Objective | None = None,
    *,
    method: str = "curvature",
    method_settings: Any = None,
    settings: BitSearchSettings | None = None,
    store: str | os.PathLike | None = None,
) -> BitPlan:
    """Chooses the width of each layer so that the packed file fits a budget and loses least.

    Example:
        >>> plan = tfsv.search_bits(network, "40kB", [(inputs, targets)], loss)
        >>> quantized = tfsv.quantize(network, plan.bits)

    Args:
        model: A float `tf_keras` network, or the folder of a float model.
        budget: Bytes of the packed file, as a number or as "900kB".
        data: Batches of network inputs and targets, or a task's data for a model folder.
        loss: A function from outputs and targets to the losses of a batch, or an objective that is
            built. Batches need it; a task's data bring their own.
        method: Name of the sensitivity method, one of `tfsv.bitwidth.methods.METHODS`.
        method_settings: The method's record. None: its defaults.
        settings: Quantizer, widths and form of the file. None: the defaults.
        store: Folder that keeps what was measured for the next budget. None: nothing is kept.

    Returns:
        The plan; its `bits` are what `quantize` takes.

    Raises:
        InputError: The budget is below the smallest file, or a name is unknown.
        ValueError: Batches are given without a loss.
    """
    budget = parse_budget(budget) if isinstance(budget, str) else budget
    settings = settings or BitSearchSettings()
    task = None
    if isinstance(model, keras.Model):
        task = OwnNetwork(model)
        model = PlainModel(pathlib.Path(model.name), model, ModelCard())
    if not isinstance(data, TaskData):
        if loss is None:
            raise ValueError("loss: expected one beside batches of data. Received: None")
        data = OwnData(data, loss)
    with tempfile.TemporaryDirectory() as nowhere:
        search = BitSearch(model, data, pathlib.Path(store or nowhere), settings, task)
        search.check(budget)
        found = search.sensitivities(method, budget, method_settings)
    return search.plan(found, search.choose(found, budget), budget)
