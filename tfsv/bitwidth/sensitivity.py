"""Sensitivities: the loss of a network when one layer gets few bits, by any method."""

import contextlib
import dataclasses
import hashlib
import json
import pathlib
import time
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import scipy.stats
import tf_keras as keras
from tqdm import tqdm

from tfsv.bitwidth.allocation import WidthTable
from tfsv.bitwidth.candidates import Candidates
from tfsv.bitwidth.subject import Subject
from tfsv.errors import InputError
from tfsv.files import writable_folder, write_json
from tfsv.json_files import read_json
from tfsv.quantization.float16_weights import StoredWeights
from tfsv.run_lock import alone_in

_SCHEMA = 1


@dataclasses.dataclass(frozen=True)
class Row:
    """The sensitivities of one layer.

    Example:
        >>> row = Row({2: 0.5, 4: 0.1}, "divergence 0.5 at 2 bits")

    Attributes:
        losses: Loss of the network at each width. Only their ratios matter for an allocation.
        because: Source of the losses, in words.
    """

    losses: Mapping[int, float]
    because: str


class Method(Protocol):
    """A way to measure sensitivities, in a file of `tfsv.bitwidth.methods` or of a task.

    Example:
        >>> @METHODS.register("size")
        ... class Size:
        ...     name, help, record, uses = "size", "bytes saved", NoSettings, ()
        ...     settings = {}
        ...
        ...     @classmethod
        ...     def of(cls, subject, settings):
        ...         return cls()
        ...
        ...     def row(self, layer, candidates):
        ...         return Row({bits: -float(bits) for bits in candidates}, "by width")

    Attributes:
        name: Name of the method in `METHODS`, in plans and in files.
        help: Words for the command line that say what it measures.
        record: Frozen dataclass of the method's settings, each with a default.
        uses: Names of what decides the outcome beside network and candidates: any of "batches",
            "stream" and "objective". Measurements are kept apart for each.
        settings: JSON-ready values of all else that decides the outcome.
    """

    name: str
    help: str
    record: type
    uses: tuple[str, ...]
    settings: Mapping[str, Any]

    @classmethod
    def of(cls, subject: Subject, settings: Any) -> "Method":
        """Makes the method for a network.

        Args:
            subject: The network and all that is known of it.
            settings: Settings of the method, a `record`.
        """
        ...

    def row(self, layer: str, candidates: Mapping[int, StoredWeights]) -> Row:
        """The sensitivities of a layer whose kernel alone is replaced by each candidate."""
        ...


@dataclasses.dataclass(frozen=True)
class Sensitivities:
    """The outcome of a method.

    Example:
        >>> Sensitivities("kl", {"stem": Row({2: 0.5}, "")}, seconds=1.0).table
        {'stem': {2: 0.5}}

    Attributes:
        method: Name of the method.
        rows: Sensitivities of each layer, in the network's order.
        seconds: Time that the method took, over all runs that it needed.
    """

    method: str
    rows: Mapping[str, Row]
    seconds: float

    @property
    def table(self) -> dict[str, dict[int, float]]:
        """Losses by layer and width, as `allocate` takes them."""
        return {name: dict(row.losses) for name, row in self.rows.items()}


def measure(
    method: Method, candidates: Candidates, store: pathlib.Path | None = None
) -> Sensitivities:
    """Measures sensitivities layer by layer, each alone. Losses are taken to add (papers 1 and 4).

    Example:
        >>> from tfsv.bitwidth.methods.norm import WeightNorm
        >>> candidates = candidate_weights(network, "kmeans", (2, 4))
        >>> sensitivities = measure(WeightNorm(network), candidates)

    Args:
        method: Method that measures.
        candidates: Coded weights by layer and width, as `candidate_weights` gives them.
        store: File that keeps the sensitivities, such as `store_file` names it. It is written after
            every layer, so a killed run goes on and a finished one is not repeated. Methods that
            measure all layers at once begin anew. None: nothing is kept.

    Raises:
        InputError: The store cannot be written, holds something else or is written by another
            process, or a sensitivity is not finite. The message names the file or the layer.
    """
    with _alone_at(store):
        return _measured(method, candidates, store)


def _alone_at(store: pathlib.Path | None) -> contextlib.AbstractContextManager:
    if store is None:
        return contextlib.nullcontext()
    writable_folder(store.parent)
    return alone_in(store, beside=True)


def _measured(method: Method, candidates: Candidates, store: pathlib.Path | None) -> Sensitivities:
    rows, seconds = _read(store, candidates) if store else ({}, 0.0)
    todo = [name for name in candidates if name not in rows]
    bar = tqdm(
        total=len(candidates), initial=len(candidates) - len(todo), desc=method.name,
        unit="layer", dynamic_ncols=True,
    )  # fmt: skip
    with bar:
        for name in todo:
            start = time.monotonic()
            row = method.row(name, candidates[name])
            if not all(np.isfinite(loss) for loss in row.losses.values()):
                raise InputError(f"{name}: its {method.name} sensitivity is not finite")
            rows[name] = row
            seconds += time.monotonic() - start
            if store:
                _write(store, method, rows, seconds)
            bar.update()
    return Sensitivities(method.name, {name: rows[name] for name in candidates}, seconds)


def store_file(
    folder: pathlib.Path,
    network: keras.Model,
    candidates: Candidates,
    method: Method,
    scheme: str,
    data: Mapping[str, Any],
) -> pathlib.Path:
    """The file that keeps sensitivities, one for each combination of all that decides them.

    Example:
        >>> from tfsv.bitwidth.methods.norm import WeightNorm
        >>> method = WeightNorm(network)
        >>> store = store_file(pathlib.Path("stores"), network, candidates, method, "kmeans", {})

    Args:
        folder: Folder of the stores.
        network: Network whose weights are hashed.
        candidates: Coded weights by layer and width, whose codebooks and codes are hashed.
        method: Method whose name and settings are hashed.
        scheme: Text of the scheme and its widths.
        data: JSON-ready values that identify the data.
    """
    digest = hashlib.sha256()
    for variable in network.variables:
        digest.update(np.ascontiguousarray(variable.numpy()).tobytes())
    for row in candidates.values():
        for coded in row.values():
            digest.update(coded.content())
    parts = {"method": method.name, "settings": method.settings, "scheme": scheme, "data": data}
    digest.update(json.dumps(parts, sort_keys=True).encode())
    return folder / f"{method.name}_{digest.hexdigest()[:16]}.json"


def rank_correlation(table: WidthTable, reference: WidthTable, bits: int | None = None) -> float:
    """Spearman's rank correlation of two methods' sensitivities.

    Example:
        >>> table = {"stem": {2: 0.5, 4: 0.1}, "embedding": {2: 0.3, 4: 0.2}}
        >>> round(rank_correlation(table, table, bits=2), 6)
        1.0

    Args:
        table: Sensitivities of one method, by layer and width.
        reference: Sensitivities of another method, by layer and width. Layers and widths in both
            are compared.
        bits: Width whose order of layers is compared. None: all widths are taken together, and the
            widths themselves make most of the order.

    Returns:
        The correlation, -1 to 1. It is NaN where fewer than two values can be compared, or all are
        equal.
    """
    pairs = [
        (loss, reference[layer][width])
        for layer, row in table.items()
        for width, loss in row.items()
        if bits in (None, width) and width in reference.get(layer, ())
    ]
    if len(pairs) < 2 or any(len(set(side)) < 2 for side in zip(*pairs, strict=True)):
        return float("nan")
    return float(scipy.stats.spearmanr(*zip(*pairs, strict=True)).statistic)


def _write(store: pathlib.Path, method: Method, rows: Mapping[str, Row], seconds: float) -> None:
    content = {
        "schema": _SCHEMA,
        "method": method.name,
        "settings": method.settings,
        "seconds": round(seconds, 3),
        "layers": {name: dataclasses.asdict(row) for name, row in rows.items()},
    }
    write_json(store, content, indent=1)


def _read(store: pathlib.Path, candidates: Candidates) -> tuple[dict[str, Row], float]:
    if not store.exists():
        return {}, 0.0
    try:
        content = read_json(store)
        if content["schema"] != _SCHEMA:
            raise ValueError(f"schema {content['schema']}")
        rows = {}
        for name, row in content["layers"].items():
            losses = {int(bits): float(loss) for bits, loss in row["losses"].items()}
            if set(losses) != set(candidates[name]):
                raise ValueError(f"other widths of {name}")
            rows[name] = Row(losses, str(row["because"]))
        return rows, float(content["seconds"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{store}: not kept sensitivities ({reason}); delete it") from error
