"""Reports of models: measured values with units, intervals and replicates."""

import dataclasses
import os
import pathlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from tfsv import folders
from tfsv.array_files import read_array
from tfsv.errors import InputError
from tfsv.files import write_array, write_json
from tfsv.json_files import read_json

SCHEMA = 2
"""Version of the JSON form. Records without a version (tfsv 0.1) are read too."""


@dataclasses.dataclass(frozen=True)
class Measurement:
    """One number that was measured.

    Example:
        >>> Measurement("eer", 0.0512, title="EER", unit="%").text()
        '5.12'

    Attributes:
        name: Name by which files and programs know the measurement.
        value: Measured number, a fraction where the unit is "%".
        title: Name in tables and plots. Empty: they show `name`.
        unit: Unit of the value. "%" marks a fraction that is shown times 100; any other text stands
            behind the value, such as "dB". Empty: the value has no unit.
        lower_is_better: Whether a lower value is a better model.
        digits: Digits behind the point in tables.
        interval: Both ends of the 95 % interval. None: the interval is not known.
        replicates: Bootstrap replicates, float32 `[draws]`. Draw n draws the same speakers (or
            trials) for every model of one list, so differences can be resampled pairwise. None:
            there are none.
    """

    name: str
    value: float
    title: str = ""
    unit: str = ""
    lower_is_better: bool = True
    digits: int = 2
    interval: tuple[float, float] | None = None
    replicates: np.ndarray | None = dataclasses.field(default=None, repr=False, compare=False)

    @property
    def factor(self) -> float:
        """The factor on the value when it is shown."""
        return 100.0 if self.unit == "%" else 1.0

    @property
    def heading(self) -> str:
        """Title and unit, as the heading of a column."""
        title = self.title or self.name
        return f"{title} {self.unit}" if self.unit else title

    def text(self, value: float | None = None, sign: str = "") -> str:
        """The value as it is shown, without its unit.

        Args:
            value: Another value to show in the same way. None: the measured one.
            sign: Sign option of a format specification, such as "+".
        """
        shown = self.factor * (self.value if value is None else value)
        return format(shown, f"{sign}.{self.digits}f")


@dataclasses.dataclass(frozen=True)
class Report:
    """All that was measured of one model on one set of data.

    Example:
        >>> report = Report("verification", (Measurement("eer", 0.05, title="EER", unit="%"),))
        >>> report["eer"].value
        0.05

    Attributes:
        task: Name of the task that measured. Empty: no task did.
        measurements: Measurements, with the most important one first, which tables and plots show.
        details: JSON-ready facts that are needed to understand or repeat the measurements.
    """

    task: str
    measurements: tuple[Measurement, ...]
    details: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def __getitem__(self, name: str) -> Measurement:
        """The measurement of this name."""
        for measurement in self.measurements:
            if measurement.name == name:
                return measurement
        raise KeyError(name)

    def __iter__(self) -> Iterator[Measurement]:
        return iter(self.measurements)

    @property
    def main(self) -> Measurement:
        """The most important measurement."""
        return self.measurements[0]

    def with_details(self, **details: Any) -> "Report":
        """The same report with these details added, or in the place of those of the same name."""
        return dataclasses.replace(self, details={**self.details, **details})

    def to_dict(self) -> dict[str, Any]:
        """The report as a JSON-ready table, without replicates."""
        measured = []
        for measurement in self.measurements:
            fields = {
                field.name: getattr(measurement, field.name)
                for field in dataclasses.fields(measurement)
                if field.name != "replicates"
            }
            measured.append(fields)
        head = {"schema": SCHEMA, "task": self.task, "measurements": measured}
        return {**head, "details": dict(self.details)}

    @classmethod
    def from_dict(cls, fields: Any, source: str | os.PathLike = "report") -> "Report":
        """Reads what `to_dict` gave, in this version or before.

        Raises:
            InputError: `fields` is no report, or one of a later version. The message names the
                source.
        """
        try:
            if "schema" not in fields:
                return _unversioned(fields)
            if fields["schema"] != SCHEMA:
                raise InputError(
                    f"{source}: report of schema {fields['schema']!r}, this tfsv reads {SCHEMA}"
                )
            measured = []
            for entry in fields["measurements"]:
                interval = entry["interval"]
                entry = {**entry, "interval": tuple(interval) if interval else None}
                measured.append(Measurement(**entry))
            return cls(str(fields["task"]), tuple(measured), dict(fields["details"]))
        except InputError:
            raise
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(f"{source}: not a report ({error!r:.80}); delete it") from error

    def write(self, folder: str | os.PathLike) -> None:
        """Writes the report into a model's folder, the replicates before the values.

        Raises:
            InputError: The folder cannot be written.
            ValueError: Some measurements have replicates and others have none.
        """
        folder = pathlib.Path(folder)
        drawn = [m.replicates for m in self.measurements if m.replicates is not None]
        if drawn:
            if len(drawn) < len(self.measurements):
                raise ValueError("replicates: expected of all measurements or of none")
            replicates = np.stack(drawn, axis=1).astype(np.float32)
            write_array(folder / folders.REPLICATES, replicates)
        write_json(folder / folders.RESULTS, self.to_dict())

    @classmethod
    def read(cls, folder: str | os.PathLike) -> "Report":
        """Reads what `write` wrote, replicates included.

        Raises:
            InputError: A file is missing or broken. The message names it.
        """
        folder = pathlib.Path(folder)
        file = folder / folders.RESULTS
        try:
            report = cls.from_dict(read_json(file, "a report"), file)
            if not (folder / folders.REPLICATES).exists():
                return report
            drawn = read_array(folder / folders.REPLICATES)
        except InputError:
            raise
        except (OSError, ValueError) as error:
            raise InputError(f"{file}: broken report; delete its folder") from error
        columns = zip(report.measurements, drawn.T, strict=False)
        measured = tuple(dataclasses.replace(m, replicates=column) for m, column in columns)
        rest = report.measurements[len(measured) :]
        return dataclasses.replace(report, measurements=measured + rest)


def heading_and_rows(reports: Mapping[str, Report], names: Iterable[str] = ()) -> list[list[str]]:
    """Reports as rows of a table, with a column for each measurement.

    Example:
        >>> report = Report("verification", (Measurement("eer", 0.05, title="EER", unit="%"),))
        >>> heading_and_rows({"float": report})
        [['model', 'EER %'], ['float', '5.00']]

    Args:
        reports: Report of each model, by the model's name.
        names: Names of the measurements to show. Empty: all that a report has, those of the first
            report first.

    Returns:
        The heading, then a row for each report with the model's name and its measurements; "–"
        stands for one that a report lacks.
    """
    headings = {one.name: one.heading for report in reports.values() for one in report}
    names = list(names) or list(headings)
    rows = [["model", *(headings[name] for name in names)]]
    for key, report in reports.items():
        texts = {one.name: one.text() for one in report}
        rows.append([key, *(texts.get(name, "–") for name in names)])
    return rows


_UNVERSIONED = {
    "eer": ("EER", "%", 2),
    "min_dcf_0.01": ("minDCF 0.01", "", 3),
    "min_dcf_0.05": ("minDCF 0.05", "", 3),
}


def _unversioned(fields: Mapping[str, Any]) -> Report:
    """Makes a report of a record of tfsv 0.1, which were all of speaker verification."""
    rest = dict(fields)
    measured = []
    for name, (title, unit, digits) in _UNVERSIONED.items():
        if name == "min_dcf_0.05" and name not in rest:
            continue  # studies did not measure it
        interval = rest.pop(f"{name}_interval", None)
        value = float(rest.pop(name))
        ends = tuple(interval) if interval else None
        measured.append(Measurement(name, value, title, unit, digits=digits, interval=ends))
    return Report("verification", tuple(measured), rest)
