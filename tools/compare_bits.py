"""Compares mixed precision with one width for all layers, and stages with fine-tuning in one go.

    python tools/compare_bits.py --flagfile configs/study_bits.flags \\
        --runs=runs/study/resnet/seed0,runs/study/resnet/seed1 --output=runs/study/resnet/bits

finds for the float model of each run the bit plan of every method in the bytes of equal widths,
quantizes by plans and by equal widths, fine-tunes in one go and in stages, and measures all on
the run's test trials; plans and models are kept in `study` in the run's folder, beside those of
tools/compare_schemes.py. Kill it and run it again to go on, with more plans or runs if you like.
`--output` gets tables and a picture.
"""

from absl import flags

from tfsv import command
from tfsv.study import further_flags

_RUNS = flags.DEFINE_list("runs", None, "Folders of runs, one for each seed, of one network.")
_SCHEME = flags.DEFINE_multi_string(
    "scheme", None, "A scheme and widths of all layers, e.g. --scheme='kmeans 4 2'; repeat it."
)
_PLAN = flags.DEFINE_multi_string(
    "plan", [], "A scheme, the equal width whose bytes plans have, and methods; repeat it."
)
_STAGED = flags.DEFINE_multi_string(
    "staged", [], "A scheme, a width and a method of --plan, and orders of stages; repeat it."
)
_OUTPUT = flags.DEFINE_string("output", None, "Folder for the tables and differences.png.")
_MAKE = flags.DEFINE_bool("make", True, "Make what is missing; else only tabulate what is there.")
_CANDIDATES = flags.DEFINE_list("candidates", [], "Widths to choose from. Default: the scheme's.")
_BATCHES = flags.DEFINE_integer("batches", 2, "Batches of training crops (curvature, kl).", 1)
_VECTORS = flags.DEFINE_integer("vectors", 50, "Random vectors of the Hessian trace.", 2)
_STEPS = flags.DEFINE_integer("steps", 200, "Batches of the architecture search.", 1)
_RECORDINGS = flags.DEFINE_integer("recordings", 200, "Most recordings of dev trials.", 4)
_SECONDS = flags.DEFINE_float("dev_seconds", 20.0, "Longest part of a dev recording, seconds.", 0.1)
flags.adopt_module_key_flags(further_flags)
flags.mark_flags_as_required(["runs", "scheme", "output"])

_REFERENCE = "perturbation"  # whose sensitivities the cheap methods' are compared with


def main(arguments: list[str]) -> None:
    """Makes, measures and tabulates."""
    from tfsv.errors import InputError
    from tfsv.files import replacing, writable_folder
    from tfsv.study import comparison
    from tfsv.study.bits_plot import plot_differences
    from tfsv.study.bits_table import bits_table, correlation_table, plan_table
    from tfsv.study.cells import read_cells, read_plan_cells, read_staged_cells
    from tfsv.study.plans import read_findings
    from tfsv.study.table import read_outcomes, run_names

    if arguments:
        raise InputError(f"unexpected argument {arguments[0]!r}; see --help")
    planned, staged = read_plan_cells(_PLAN.value), read_staged_cells(_STAGED.value)
    cells = [*read_cells(_SCHEME.value), *planned, *staged]
    if len({cell.scheme for cell in cells}) > 1:
        raise InputError("--scheme, --plan, --staged: name several schemes; compare one at a time")
    runs = _RUNS.value
    names = run_names(runs)
    output = writable_folder(_OUTPUT.value)
    if _MAKE.value:
        for run in runs:
            _make(run, cells)
    outcomes = read_outcomes(runs, cells)
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
        with replacing(output / name) as part:
            part.write_text(table + "\n", encoding="utf-8")
    plot_differences(outcomes, output / "differences.png", comparison.read_recipe(runs[0]).network)


def _make(run: str, cells) -> None:
    from tfsv.bitwidth.candidates import parse_widths
    from tfsv.jobs.bit_search import BitSearchSettings
    from tfsv.study.comparison import Comparison, order, read_recipe
    from tfsv.study.plans import Plans

    recipe = read_recipe(run)
    plans = Plans(
        run,
        BitSearchSettings(
            pipeline=recipe.pipeline,
            widths=parse_widths(_CANDIDATES.value),
            batches=_BATCHES.value,
            margin=recipe.margin,
            vectors=_VECTORS.value,
            steps=_STEPS.value,
            trials=recipe.dev_trials,
            root=recipe.dev_root,
            recordings=_RECORDINGS.value,
            dev_seconds=_SECONDS.value,
            seed=recipe.pipeline.seed,
        ),
    )
    for cell in cells:
        if cell.plan:
            plans.make(cell)
    compared = Comparison(run, further_flags.further())
    for cell, model in order(cells):
        compared.make(cell, model)


if __name__ == "__main__":
    command.run(main)
