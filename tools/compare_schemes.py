"""Compares quantization schemes on float models that tools/train.py trained with --bits=0.

    python tools/compare_schemes.py --flagfile configs/study_schemes.flags \\
        --runs=runs/study/resnet/seed0,runs/study/resnet/seed1 --output=runs/study/resnet/schemes

quantizes the float model of each run by every scheme at every width, fine-tunes it, and measures
both on the run's test trials; the models are kept in `study` in the run's folder. Kill it and run
it again to go on, with more schemes or runs if you like. `--output` gets the tables (what each
scheme loses at each width, and everything), EER against bytes, and histograms of weights.
"""

import pathlib

from absl import flags

from tfsv import command
from tfsv.study import further_flags

_RUNS = flags.DEFINE_list("runs", None, "Folders of runs, one for each seed, of one network.")
_SCHEME = flags.DEFINE_multi_string(
    "scheme", None, "A scheme and its bits, e.g. --scheme='kmeans 8 4 2'; repeat it."
)
_SEED_BITS = flags.DEFINE_list(
    "seed_bits", ["4", "2", "1"], "Widths for every run; the others are for the first run only."
)
_OUTPUT = flags.DEFINE_string("output", None, "Folder for table.md, bytes.png and weights.png.")
_MAKE = flags.DEFINE_bool("make", True, "Make what is missing; else only tabulate what is there.")
_HISTOGRAM = flags.DEFINE_multi_string(
    "histogram", [], "A scheme and its bits whose fine-tuned weights are drawn; repeat it."
)
_LAYERS = flags.DEFINE_list(
    "layers", None, "Layers to draw. Default: the first, the middle and the last with a kernel."
)
flags.adopt_module_key_flags(further_flags)
flags.mark_flags_as_required(["runs", "scheme", "output"])


def main(arguments: list[str]) -> None:
    """Makes, measures and tabulates."""
    from tfsv.errors import InputError
    from tfsv.files import replacing, writable_folder
    from tfsv.study import comparison
    from tfsv.study.cells import FINE_TUNED, read_cells
    from tfsv.study.table import grid_table, read_outcomes, run_names, scheme_table
    from tfsv.study.tradeoff_plot import plot_tradeoff
    from tfsv.study.weights_plot import plot_weights

    if arguments:
        raise InputError(f"unexpected argument {arguments[0]!r}; see --help")
    cells = read_cells(_SCHEME.value)
    drawn = read_cells(_HISTOGRAM.value)
    runs = _RUNS.value
    run_names(runs)
    output = writable_folder(_OUTPUT.value)
    if _MAKE.value:
        for run in runs:
            chosen = [
                cell for cell in cells if run is runs[0] or str(cell.bits) in _SEED_BITS.value
            ]
            compared = comparison.Comparison(run, further_flags.further())
            for cell, model in comparison.order(chosen):
                compared.make(cell, model)
    outcomes = read_outcomes(runs, cells)
    table = f"{grid_table(outcomes)}\n\n{scheme_table(outcomes)}"
    print(table)
    with replacing(output / "table.md") as part:
        part.write_text(table + "\n", encoding="utf-8")
    plot_tradeoff(outcomes, output / "bytes.png", comparison.read_recipe(runs[0]).network)
    models = {}
    for cell in drawn:
        folder = pathlib.Path(runs[0]) / "study" / cell.folder(FINE_TUNED)
        if (folder / comparison.RECORD).exists():
            models[f"{cell.scheme}, {cell.bits} bit"] = comparison.read_weights(folder)
    if models:
        layers = list(next(iter(models.values()))[0])
        layers = _LAYERS.value or [layers[0], layers[len(layers) // 2], layers[-1]]
        plot_weights(models, layers, output / "weights.png", "fine-tuned weights")


if __name__ == "__main__":
    command.run(main)
