"""Compares quantization schemes on float models that `tfsv train` trained with --bits=0.

    tfsv compare-schemes --flagfile configs/study_schemes.flags \\
        --runs=runs/study/resnet/seed0,runs/study/resnet/seed1 --output=runs/study/resnet/schemes

The command quantizes the float model of each run by every scheme at every width and fine-tunes it.
It measures both on the run's test trials and keeps the models in `study` in the run's folder. Stop
it and run it again to go on, with more schemes or runs if you like. --output gets two tables, one
of what each scheme loses at each width, one of everything. It also gets EER against bytes and
histograms of weights.
"""

import pathlib
from typing import Any

from absl import flags

from tfsv.commands.running import Command
from tfsv.commands.study_flags import define_study, further


def _define(values: flags.FlagValues) -> None:
    define_study(
        values,
        "A scheme and its bits, e.g. --scheme='kmeans 8 4 2'.",
        "Folder for table.md, bytes.png and weights.png.",
    )
    flags.DEFINE_list(
        "seed_bits", ["4", "2", "1"],
        "Widths for every run; the others are for the first run only.", flag_values=values,
    )  # fmt: skip
    flags.DEFINE_multi_string(
        "histogram", [], "A scheme and its bits whose fine-tuned weights are drawn.",
        flag_values=values,
    )  # fmt: skip
    flags.DEFINE_list(
        "layers", None,
        "Layers to draw. Default: the first, the middle and the last with a kernel.",
        flag_values=values,
    )  # fmt: skip


def main(values: Any, arguments: list[str]) -> None:
    """Makes, measures and tabulates the models that the flags describe."""
    settings = further(values)

    from tfsv.files import writable_folder, write_text
    from tfsv.study.cells import read_cells
    from tfsv.study.comparison import Comparison, alone_in_studies, network_name, order
    from tfsv.study.table import grid_table, read_outcomes, run_names, scheme_table
    from tfsv.study.tradeoff_plot import plot_tradeoff

    cells, drawn = read_cells(values.scheme), read_cells(values.histogram)
    runs = values.runs
    run_names(runs)
    output = writable_folder(values.output)
    made = runs if values.make else ()
    with alone_in_studies(made):
        for run in made:
            chosen = [c for c in cells if run is runs[0] or str(c.bits) in values.seed_bits]
            compared = Comparison(run, settings)
            for cell, model in order(chosen):
                compared.make(cell, model)
    outcomes = read_outcomes(runs, cells)
    table = f"{grid_table(outcomes)}\n\n{scheme_table(outcomes)}"
    print(table)
    write_text(output / "table.md", table + "\n")
    plot_tradeoff(outcomes, output / "bytes.png", network_name(runs[0]))
    _draw_weights(pathlib.Path(runs[0]), drawn, values.layers, output / "weights.png")


def _draw_weights(run: pathlib.Path, cells: list, layers: list[str], path: pathlib.Path) -> None:
    """Draws the weights of those cells whose models are there."""
    from tfsv import folders
    from tfsv.folders import FINE_TUNED
    from tfsv.study.comparison import read_weights
    from tfsv.study.weights_plot import plot_weights

    models = {}
    for cell in cells:
        folder = run / "study" / cell.folder(FINE_TUNED)
        if (folder / folders.RESULTS).exists():
            models[f"{cell.scheme}, {cell.bits} bit"] = read_weights(folder)
    if models:
        known = list(next(iter(models.values()))[0])
        layers = layers or [known[0], known[len(known) // 2], known[-1]]
        plot_weights(models, layers, path, "fine-tuned weights")


command = Command("compare-schemes", __doc__, _define, main, resumes=True)
