"""What a network loses when one layer gets few bits: one interface for all ways to tell."""

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
from tfsv.quantization.coded import CodedWeights

_SCHEMA = 1


@dataclasses.dataclass(frozen=True)
class Row:
    """The sensitivities of one layer.

    Attributes:
        losses: By width; lower is better. Only their ratios matter for an allocation.
        because: What they come from, in words.
    """

    losses: Mapping[int, float]
    because: str


class Method(Protocol):
    """A way to tell sensitivities, in a file of `tfsv.bitwidth.methods` or of a task.

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
        name: The method's name in `METHODS`, in plans and in files.
        help: What it measures, in a few words, for the command line.
        record: Frozen dataclass of its settings, each with a default.
        uses: What decides its outcome beside network and candidates: "batches", "stream",
            "objective", any of them. What was measured is kept apart for each.
        settings: All else that decides its outcome; JSON-ready.
    """

    name: str
    help: str
    record: type
    uses: tuple[str, ...]
    settings: Mapping[str, Any]

    @classmethod
    def of(cls, subject: Subject, settings: Any) -> "Method":
        """The method for a network.

        Args:
            subject: The network and what is known of it.
            settings: A `record`.
        """
        ...

    def row(self, layer: str, candidates: Mapping[int, CodedWeights]) -> Row:
        """The sensitivities of a layer whose kernel alone is replaced by each candidate."""
        ...


@dataclasses.dataclass(frozen=True)
class Sensitivities:
    """The outcome of a method.

    Attributes:
        method: Its name.
        rows: By layer, in the network's order.
        seconds: What the method took, over all runs that it needed.
    """

    method: str
    rows: Mapping[str, Row]
    seconds: float

    @property
    def table(self) -> dict[str, dict[int, float]]:
        """By layer and width, as `allocate` takes it."""
        return {name: dict(row.losses) for name, row in self.rows.items()}


def measure(
    method: Method, candidates: Candidates, store: pathlib.Path | None = None
) -> Sensitivities:
    """Measures layer by layer; each is sensed alone and losses are taken to add (papers 1 and 4).

    Args:
        method: How to tell.
        candidates: See `tfsv.bitwidth.candidates.candidate_weights`.
        store: File that keeps what was measured, written after every layer, so that a killed run
            goes on and a finished one is not repeated; see `store_file`. Methods that sense all
            layers at once begin anew. None: nothing is kept.

    Raises:
        InputError: The store cannot be written or holds something else, or a sensitivity is not
            finite; names the layer.
    """
    if store:
        writable_folder(store.parent)
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
    """Where sensitivities are kept: a file for each combination of all that decides them.

    Args:
        folder: Of the stores.
        network: The checkpoint; its weights are hashed.
        candidates: Its kernels at every width; codebooks and codes are hashed.
        method: Its name and settings.
        scheme: What quantizes, and with which widths.
        data: What tells the data, JSON-ready.
    """
    digest = hashlib.sha256()
    for variable in network.variables:
        digest.update(np.ascontiguousarray(variable.numpy()).tobytes())
    for row in candidates.values():
        for coded in row.values():
            digest.update(coded.codebook.tobytes() + coded.codes.tobytes())
    parts = {"method": method.name, "settings": method.settings, "scheme": scheme, "data": data}
    digest.update(json.dumps(parts, sort_keys=True).encode())
    return folder / f"{method.name}_{digest.hexdigest()[:16]}.json"


def rank_correlation(table: WidthTable, reference: WidthTable, bits: int | None = None) -> float:
    """Spearman's rank correlation of two methods' sensitivities.

    Args:
        table: By layer and width.
        reference: Likewise; what both have is compared.
        bits: One width: the order of the layers. None: all widths together, where the widths
            themselves make most of the order.

    Returns:
        -1 to 1; NaN where fewer than two values can be compared or all are equal.
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
        content = json.loads(store.read_text(encoding="utf-8"))
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
