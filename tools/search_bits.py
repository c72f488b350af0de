"""Finds the bits of each layer that fit a budget of bytes and writes them as a plan.

    python tools/search_bits.py --model=runs/resnet/float --budget=100kB --method=kl \\
        --corpus=runs/resnet/corpus/manifest.tsv --output=runs/resnet/plan.json \\
        --front=runs/resnet/front.png

The budget is that of the whole packed file, front end, graph and card included; kB and MB are 1000
and 1,000,000 bytes. --method says how the sensitivity of a layer is told: curvature (trace of the
loss' Hessian), kl (divergence of the speaker posteriors), perturbation (change of the scores of dev
trials; slow, and the reference for the others), architecture (training mixes the widths and learns
their shares), random and norm (baselines). What was measured is kept and used again for other
budgets, except by architecture, which searches for one budget; a killed run goes on at the layer
where it was, except by curvature and architecture, which begin anew.
"""

import pathlib
from collections.abc import Sequence

from absl import flags

from tfsv import command
from tfsv.errors import InputError

FLAGS = flags.FLAGS

flags.DEFINE_string("model", None, "Folder of a float model.")
flags.DEFINE_string("corpus", None, "Manifest with the train split of the model.")
flags.DEFINE_string("budget", None, "Bytes of the packed file, e.g. 900kB, 1.2MB or 900000.")
flags.DEFINE_string("output", None, "Plan to write, JSON.")
flags.DEFINE_enum(
    "method",
    "curvature",
    ["curvature", "kl", "perturbation", "architecture", "random", "norm"],
    "How the sensitivity of a layer is told.",
)
flags.DEFINE_string("scheme", "kmeans", "Quantizer and its settings, e.g. uniform:scale=max.")
flags.DEFINE_list("candidates", [], "Widths to choose from. Default: all that the scheme has.")
flags.DEFINE_bool("tie_shortcuts", False, "Give a shortcut the bits of its block's main branch.")
flags.DEFINE_enum(
    "compute", "int8_weights", ["int8_weights", "float32"], "What the packed file computes with."
)
flags.DEFINE_string("front", None, "PNG to draw: loss over size for other budgets.")
flags.DEFINE_integer("front_points", 12, "Budgets to draw.", 2)
flags.DEFINE_string("store", None, "Folder of measured sensitivities. Default: in the model's.")

flags.DEFINE_integer("batches", 2, "Batches of training crops (curvature, kl, --front).", 1)
flags.DEFINE_integer("batch_size", 32, "Crops in a batch.", 1)
flags.DEFINE_float("crop_seconds", 2.0, "Length of a crop, seconds.")
flags.DEFINE_list("speed_factors", ["1.0", "0.9", "1.1"], "Those of the model's training.")
flags.DEFINE_float("margin", 0.2, "Margin of the AAM-softmax loss, radians.", 0.0, 1.5)
flags.DEFINE_integer("vectors", 50, "Random vectors of the Hessian trace (curvature).", 2)
flags.DEFINE_integer("steps", 200, "Batches to train mixed widths for (architecture).", 1)
flags.DEFINE_string("trials", None, "Dev trials (perturbation). Default: trials/dev.txt.")
flags.DEFINE_string("root", None, "Folder of their recordings. Default: the manifest.")
flags.DEFINE_integer("recordings", 200, "Most recordings of dev trials (perturbation).", 4)
flags.DEFINE_float(
    "dev_seconds", 20.0, "Longest part of a dev recording, seconds (perturbation).", 0.1
)
flags.DEFINE_enum("score", "drift", ["drift", "cllr"], "What perturbation measures.")
flags.DEFINE_integer("seed", 0, "Seed of crops, vectors, trials and of random.", 0)
flags.mark_flags_as_required(["model", "corpus", "budget", "output"])


def main(arguments: Sequence[str]) -> None:
    """Searches what the flags describe."""
    if arguments:
        raise InputError(f"unexpected argument {arguments[0]!r}; see --help")
    from tfsv.bitwidth.search import parse_budget
    from tfsv.jobs.bit_search import BitSearch

    budget = parse_budget(FLAGS.budget)
    settings = _settings()
    store = pathlib.Path(FLAGS.store or pathlib.Path(FLAGS.model) / "sensitivities")
    search = BitSearch(FLAGS.model, FLAGS.corpus, store, settings)
    float_size = search.files.float_size()
    if budget >= float_size:
        reason = f"float: the budget is not below the float file of {float_size:,} bytes"
        search.float_plan(FLAGS.method, budget, reason).write(FLAGS.output)
        print(f"{FLAGS.output}: {reason}")
        return
    search.check(budget)
    found = search.sensitivities(FLAGS.method, budget)
    choice = search.choose(found, budget)
    search.plan(found, choice, budget).write(FLAGS.output)
    for name, bits in choice.bits.items():
        print(f"{name:<32}{bits:>3} bits{search.files.sizes[name][bits]:>12,} bytes")
    print(
        f"{FLAGS.output}: file of {choice.size:,} bytes, {budget - choice.size:,} below "
        f"the budget; {found.method} took {found.seconds:.1f} s"
    )
    if choice.note:
        print(f"note: {choice.note}")
    if FLAGS.front:
        points = search.draw_front(FLAGS.front, found, choice, budget, FLAGS.front_points)
        print(f"{FLAGS.front}: {points} points")


def _settings():
    from tfsv.audio.pipeline import PipelineSettings
    from tfsv.bitwidth.candidates import parse_widths
    from tfsv.jobs.bit_search import BitSearchSettings

    pipeline = PipelineSettings(
        batch_size=FLAGS.batch_size,
        crop_seconds=FLAGS.crop_seconds,
        speed_factors=_speeds(FLAGS.speed_factors),
        seed=FLAGS.seed,
    )
    names = (
        "scheme", "tie_shortcuts", "compute", "batches", "margin", "vectors", "steps", "trials",
        "root", "recordings", "dev_seconds", "score", "seed",
    )  # fmt: skip
    given = {name: getattr(FLAGS, name) for name in names}
    return BitSearchSettings(widths=parse_widths(FLAGS.candidates), pipeline=pipeline, **given)


def _speeds(values: Sequence[str]) -> tuple[float, ...]:
    try:
        return tuple(float(value) for value in values)
    except ValueError as error:
        raise InputError(f"--speed_factors={','.join(values)}: not all numbers") from error


if __name__ == "__main__":
    command.run(main)
