"""Makes the bit plans of a comparison: every method in the bytes of equal widths."""

import dataclasses
import os
import pathlib
from collections.abc import Mapping
from typing import Any

import tf_keras as keras

from tfsv import folders
from tfsv.bitwidth.allocation import WidthTable
from tfsv.errors import InputError
from tfsv.files import writable_folder, write_json
from tfsv.jobs.bit_search import BitSearch
from tfsv.jobs.recipe import read_recipe
from tfsv.jobs.settings import BitSearchSettings
from tfsv.json_files import read_json
from tfsv.study.cells import Cell
from tfsv.study.comparison import float_folder
from tfsv.tasks.task import TASKS, sensitivity_methods


@dataclasses.dataclass(frozen=True)
class Finding:
    """What a method found for a budget, beside the plan.

    Example:
        >>> for run, finding in read_findings(run_names(runs), cell).items():
        ...     print(run, finding.seconds, finding.bits)

    Attributes:
        seconds: Seconds that measuring the sensitivities took.
        sensitivities: Sensitivities by layer and width.
        bits: Width of each layer by name, in the network's order.
    """

    seconds: float
    sensitivities: WidthTable
    bits: Mapping[str, int]


class Plans:
    """The plans of a comparison under `study/plans` in the folder of a run; each is made once.

    Budgets are the bytes of the packed file in which all layers have one width.

    Example:
        >>> plans = Plans("runs/seed0", BitSearchSettings(candidates=(1, 2, 4)))
        >>> for cell in read_plan_cells(["kmeans 2 kl norm"]):
        ...     plans.make(cell)

    Args:
        run: Folder of a run. Its float model is the one that it trained or started from.
        search: Settings of the search, but for the scheme, which the cell has.
        methods: Settings of each method by its name; the defaults where one is missing. Their
            seeds become that of the run.

    Raises:
        InputError: The folder's plans were made with other settings.
    """

    def __init__(
        self,
        run: str | os.PathLike,
        search: BitSearchSettings,
        methods: Mapping[str, Any] | None = None,
    ):
        self._recipe = read_recipe(run)
        self._float_folder = float_folder(run)
        self._settings = search
        self._data = TASKS.named(self._recipe.task).open_data(
            self._recipe.data, self._recipe.objective
        )
        self._methods = {
            name: _seeded((methods or {}).get(name, method.record()), self._data.seed)
            for name, method in sensitivity_methods().items()
        }
        self._folder = writable_folder(pathlib.Path(run) / "study" / folders.PLANS)
        claimed = dataclasses.asdict(search)
        del claimed["scheme"]
        claimed |= {"methods": {n: dataclasses.asdict(x) for n, x in self._methods.items()}}
        claimed |= {"data": self._data.identity()}
        folders.claim(self._folder / "search.json", claimed, lambda old: _upgraded(old, claimed))
        self._searches: dict[str, BitSearch] = {}

    def make(self, cell: Cell) -> None:
        """Searches and writes the plan and the finding of a cell, unless they are there.

        Raises:
            InputError: An input is unusable.
        """
        plan_file, finding_file = (self._folder / f"{cell.name}{end}" for end in _ENDS)
        if finding_file.exists():
            return
        search = self._search(cell.scheme)
        equal = {}
        for name, row in search.candidates.items():
            if cell.bits not in row and len(row) > 1:
                raise InputError(f"candidates: lack {cell.bits} bits, whose bytes a plan is for")
            equal[name] = cell.bits if cell.bits in row else next(iter(row))
        budget = search.files.size(equal)
        found = search.sensitivities(cell.plan, budget, self._methods.get(cell.plan))
        choice = search.choose(found, budget)
        search.plan(found, choice, budget).write(plan_file)
        finding = {
            "seconds": found.seconds,
            "size": choice.size,
            "budget": budget,
            "note": choice.note,
            "bits": dict(choice.bits),
            "sensitivities": found.table,
        }
        write_json(finding_file, finding, indent=1)

    def _search(self, scheme: str) -> BitSearch:
        if scheme not in self._searches:
            keras.utils.set_random_seed(self._data.seed)
            settings = dataclasses.replace(self._settings, scheme=scheme)
            store = self._folder / "sensitivities"
            self._searches[scheme] = BitSearch(self._float_folder, self._data, store, settings)
        return self._searches[scheme]


_KEPT = ("tie_shortcuts", "tie_blocks", "compute", "batches")


def _seeded(settings: Any, seed: int) -> Any:
    """The settings of a method with the seed of the run, if it has one."""
    known = {field.name for field in dataclasses.fields(settings)}
    return dataclasses.replace(settings, seed=seed) if "seed" in known else settings


def _upgraded(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> Mapping[str, Any]:
    """The claim of plans that were made before a method was added, or with tfsv 0.1."""
    found = {"tie_blocks": False, **found}
    if "methods" in found:  # a new method takes nothing from the plans that are there
        return {**found, "methods": {**wanted["methods"], **found["methods"]}}
    methods = {
        name: {
            key: value if key in ("trials", "root") else found.get(key, value)
            for key, value in fields.items()
        }
        for name, fields in wanted["methods"].items()
    }
    kept = {name: found.get(name) for name in _KEPT}
    return {**kept, "candidates": found.get("widths"), "methods": methods, "data": wanted["data"]}


def read_findings(runs: Mapping[str, pathlib.Path], cell: Cell) -> dict[str, Finding]:
    """What `Plans.make` wrote for a cell, by run, of the runs that have it.

    Example:
        >>> found = read_findings(run_names(["runs/seed0"]), Cell("kmeans", 2, "kl"))
        >>> found["seed0"].bits

    Args:
        runs: Folder of each run by its name, as `tfsv.study.table.run_names` gives them.
        cell: A cell with a plan.

    Raises:
        InputError: A file cannot be read.
    """
    files = {
        name: folder / "study" / folders.PLANS / f"{cell.name}{_ENDS[1]}"
        for name, folder in runs.items()
    }
    return {name: _read_finding(file) for name, file in files.items() if file.exists()}


def _read_finding(file: pathlib.Path) -> Finding:
    try:
        fields = read_json(file)
        table = {
            name: {int(bits): float(loss) for bits, loss in row.items()}
            for name, row in fields["sensitivities"].items()
        }
        return Finding(float(fields["seconds"]), table, fields["bits"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{file}: broken finding; delete it") from error


_ENDS = (".json", "_finding.json")
