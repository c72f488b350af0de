"""Finds the bits of each layer that fit a budget of bytes and writes them as a plan.

    tfsv search-bits --model=runs/resnet/float --budget=100kB --method=kl \\
        --corpus=runs/resnet/corpus/manifest.tsv --output=runs/resnet/plan.json \\
        --front=runs/resnet/front.png

The budget is that of the whole packed file, front end, graph and card included. Where the float
model has a cohort for its scores, a cohort of that size is included too. 1 kB is 1000 bytes, 1 MB
1,000,000. --method says how the sensitivity of a layer is told. What was measured is kept
and used again for other budgets, except by architecture, which searches for one budget. A killed
run goes on at the layer where it was, except by curvature and architecture, which begin anew.
"""

import dataclasses
import pathlib
from typing import Any

from absl import flags

from tfsv.commands.flags import define, made
from tfsv.commands.task_command import TaskCommand
from tfsv.jobs.settings import BitSearchSettings
from tfsv.tasks.task import TASKS, Task, sensitivity_methods
from tfsv.text_tables import aligned

_OF_TRAINING_ONLY = (
    "dev_trials", "test_trials", "dev_root", "test_root", "spec_augment", "margin_start",
    "margin_end",
)  # fmt: skip
"""Settings of data and objectives that do not matter to a search."""


def _define(values: flags.FlagValues, task: Task) -> None:
    def text(name: str, help: str, required: bool = False) -> None:
        flags.DEFINE_string(name, None, help, required=required, flag_values=values)

    text("model", "Folder of a float model.", required=True)
    text("budget", "Bytes of the packed file, e.g. 900kB, 1.2MB or 900000.", required=True)
    text("output", "Plan to write, JSON.", required=True)
    methods = sensitivity_methods()
    known = "; ".join(f"{name}: {methods[name].help}" for name in sorted(methods))
    flags.DEFINE_enum(
        "method", "curvature", sorted(methods), f"How the sensitivity of a layer is told. {known}.",
        flag_values=values,
    )  # fmt: skip
    define(values, BitSearchSettings)
    text("front", "PNG to draw: loss over size for other budgets.")
    flags.DEFINE_integer("front_points", 12, "Budgets to draw.", 2, flag_values=values)
    text("store", "Folder of measured sensitivities. Default: in the model's.")
    defaults = {"corpus": dataclasses.MISSING, "batch_size": 32}
    for record in (task.data_record, task.objective_record):
        define(values, record, defaults=defaults, without=_OF_TRAINING_ONLY)
    for method in methods.values():
        define(values, method.record)


def main(values: Any, arguments: list[str]) -> None:
    """Searches the plan that the flags describe."""
    settings = made(values, BitSearchSettings)
    method_settings = made(values, sensitivity_methods()[values.method].record)
    task = TASKS[values.task]
    records = [
        made(values, record, without=_OF_TRAINING_ONLY)
        for record in (task.data_record, task.objective_record)
    ]

    from tfsv.bitwidth.search import parse_budget
    from tfsv.jobs.bit_search import BitSearch

    budget = parse_budget(values.budget)
    store = pathlib.Path(values.store or pathlib.Path(values.model) / "sensitivities")
    search = BitSearch(values.model, task.open_data(*records), store, settings)
    float_size = search.files.float_size()
    if budget >= float_size:
        reason = f"float: the budget is not below the float file of {float_size:,} bytes"
        search.float_plan(values.method, budget, reason).write(values.output)
        print(f"{values.output}: {reason}")
        return
    search.check(budget)
    found = search.sensitivities(values.method, budget, method_settings)
    choice = search.choose(found, budget)
    search.plan(found, choice, budget).write(values.output)
    sizes = search.files.sizes
    rows = [(n, f"{b} bits", f"{sizes[n][b]:,} bytes") for n, b in choice.bits.items()]
    print(aligned(rows))
    print(
        f"{values.output}: file of {choice.size:,} bytes, {budget - choice.size:,} below "
        f"the budget; {found.method} took {found.seconds:.1f} s"
    )
    if choice.note:
        print(f"note: {choice.note}")
    if values.front:
        points = search.draw_front(values.front, found, choice, budget, values.front_points)
        print(f"{values.front}: {points} points")


command = TaskCommand("search-bits", __doc__, _define, main, resumes=True)
