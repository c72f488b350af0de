"""Compares mixed precision with one width for all layers, and stages with fine-tuning in one go.

    tfsv compare-bits --flagfile configs/study_bits.flags \\
        --runs=runs/study/resnet/seed0,runs/study/resnet/seed1 --output=runs/study/resnet/bits

The command finds for the float model of each run the bit plan of every method in the bytes of equal
widths. It quantizes by plans and by equal widths, fine-tunes in one go and in stages, and measures
all models on the run's test trials. Plans and models are kept in `study` in the run's folder,
beside those of `tfsv compare-schemes`. Stop it and run it again to go on, with more plans or runs
if you like. --output gets tables and a picture.
"""

import pathlib
from typing import TYPE_CHECKING, Any

from absl import flags

from tfsv.commands.flags import define, made
from tfsv.commands.running import Command
from tfsv.commands.study_flags import define_study, further
from tfsv.errors import InputError
from tfsv.jobs.settings import BitSearchSettings
from tfsv.tasks.task import sensitivity_methods

if TYPE_CHECKING:
    from tfsv.study.cells import Cell
    from tfsv.study.table import Outcomes

_REFERENCE = "perturbation"  # whose sensitivities the cheap methods' are compared with
_OF_RUN = ("seed", "trials", "root")
"""Settings of methods that the run decides."""


def _define(values: flags.FlagValues) -> None:
    define_study(
        values,
        "A scheme and widths of all layers, e.g. --scheme='kmeans 4 2'.",
        "Folder for the tables and differences.png.",
    )
    flags.DEFINE_multi_string(
        "plan", [], "A scheme, the equal width whose bytes plans have, and methods.",
        flag_values=values,
    )  # fmt: skip
    flags.DEFINE_multi_string(
        "staged", [], "A scheme, a width and a method of --plan, and orders of stages.",
        flag_values=values,
    )  # fmt: skip
    define(values, BitSearchSettings, without=("scheme",))
    for method in sensitivity_methods().values():
        define(values, method.record, without=_OF_RUN)


def main(values: Any, arguments: list[str]) -> None:
    """Makes, measures and tabulates the models that the flags describe."""
    fine_tuning = further(values)
    search = made(values, BitSearchSettings, without=("scheme",))
    methods = {
        name: made(values, method.record, without=_OF_RUN)
        for name, method in sensitivity_methods().items()
    }

    from tfsv.files import writable_folder
    from tfsv.study.cells import read_cells, read_plan_cells, read_staged_cells
    from tfsv.study.comparison import Comparison, alone_in_studies, order
    from tfsv.study.plans import Plans
    from tfsv.study.table import read_outcomes, run_names

    planned = read_plan_cells(values.plan)
    cells = [*read_cells(values.scheme), *planned, *read_staged_cells(values.staged)]
    if len({cell.scheme for cell in cells}) > 1:
        raise InputError("'scheme', 'plan', 'staged': name several schemes; compare one at a time")
    run_names(values.runs)
    writable_folder(values.output)
    runs = values.runs if values.make else ()
    with alone_in_studies(runs):
        for run in runs:
            plans = Plans(run, search, methods)
            for cell in cells:
                if cell.plan:
                    plans.make(cell)
            compared = Comparison(run, fine_tuning)
            for cell, model in order(cells):
                compared.make(cell, model)
    _tabulate(values, read_outcomes(values.runs, cells), planned)


def _tabulate(values: Any, outcomes: "Outcomes", planned: "list[Cell]") -> None:
    """Prints, writes and draws the outcomes that are there."""
    from tfsv.files import write_text
    from tfsv.study.bits_plot import plot_differences
    from tfsv.study.bits_table import bits_table, correlation_table, plan_table
    from tfsv.study.comparison import network_name
    from tfsv.study.plans import read_findings
    from tfsv.study.table import run_names

    names, output = run_names(values.runs), pathlib.Path(values.output)
    found = {cell: read_findings(names, cell) for cell in planned}
    found = {cell: by_run for cell, by_run in found.items() if by_run}
    tables = {"table.md": bits_table(outcomes, found)}
    if found:
        rows = [finding.bits for by_run in found.values() for finding in by_run.values()]
        widths = {bits for row in rows for bits in row.values()}
        tables["correlations.md"] = correlation_table(found, sorted(widths), _REFERENCE)
        tables["plans.md"] = plan_table(found)
    for name, table in tables.items():
        print(table, end="\n\n")
        write_text(output / name, table + "\n")
    plot_differences(outcomes, output / "differences.png", network_name(values.runs[0]))


command = Command("compare-bits", __doc__, _define, main, resumes=True)
