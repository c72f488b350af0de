"""Finds the bits of each layer that fit a budget of bytes and writes them as a plan.

    python tools/search_bits.py --model=runs/resnet/float --budget=100kB --method=kl \\
        --corpus=runs/resnet/corpus/manifest.tsv --output=runs/resnet/plan.json \\
        --front=runs/resnet/front.png

The budget is that of the whole packed file, front end, graph and card included; kB and MB are 1000
and 1,000,000 bytes. --method says how the sensitivity of a layer is told: curvature (trace of the
loss' Hessian), kl (divergence of the speaker posteriors), perturbation (change of the scores of dev
trials; slow, and the reference for the others), random and norm (controls). What was measured is
kept and used again for other budgets; a killed run goes on where it was.
"""

import hashlib
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
    ["curvature", "kl", "perturbation", "random", "norm"],
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
flags.DEFINE_float("margin", 0.2, "Margin of the AAM-softmax loss, radians (curvature, --front).")
flags.DEFINE_integer("vectors", 50, "Random vectors of the Hessian trace (curvature).", 2)
flags.DEFINE_string("trials", None, "Dev trials (perturbation). Default: trials/dev.txt.")
flags.DEFINE_string("root", None, "Folder of their recordings. Default: the manifest.")
flags.DEFINE_integer("recordings", 200, "Most recordings of dev trials (perturbation).", 4)
flags.DEFINE_float("dev_seconds", 20.0, "Longest part of a dev recording, seconds (perturbation).")
flags.DEFINE_enum("score", "drift", ["drift", "cllr"], "What perturbation measures.")
flags.DEFINE_integer("seed", 0, "Seed of crops, vectors, trials and of random.", 0)
flags.mark_flags_as_required(["model", "corpus", "budget", "output"])


def main(arguments: Sequence[str]) -> None:
    """Searches what the flags describe."""
    if arguments:
        raise InputError(f"unexpected argument {arguments[0]!r}; see --help")
    from tfsv.bitwidth.search import parse_budget
    from tfsv.model_folder import load_model

    budget = parse_budget(FLAGS.budget)
    widths = _widths(FLAGS.candidates)
    network, card = load_model(FLAGS.model)
    if card.bits:
        raise InputError(f"--model={FLAGS.model}: is quantized already; give a float one")
    _Search(network, card, budget, widths).run()


class _Search:
    def __init__(self, network, card, budget: int, widths: Sequence[int]):
        from tfsv.audio.manifest import read_manifest
        from tfsv.bitwidth.candidates import candidate_weights
        from tfsv.features import LogMel
        from tfsv.plan_files import PlanFiles
        from tfsv.quantization.schemes import Scheme

        self.network, self.card, self.budget = network, card, budget
        self.scheme = Scheme.parse(FLAGS.scheme)
        self.front_end = LogMel(**card.front_end)
        self.manifest = read_manifest(FLAGS.corpus)
        self.candidates = candidate_weights(network, self.scheme, widths)
        if not self.candidates:
            raise InputError(f"--scheme={self.scheme}: leaves every layer float")
        self.files = PlanFiles(network, card, self.candidates, str(self.scheme), FLAGS.compute)
        self._crops = None

    def run(self) -> None:
        """Measures, searches, writes, draws."""
        from tfsv.bitwidth.search import (
            check_budget,
            explained,
            search,
            shortcut_ties,
            smallest,
        )
        from tfsv.plan_files import TABLES

        float_size = self.files.float_size()
        if self.budget >= float_size:
            reason = f"float: the budget is not below the float file of {float_size:,} bytes"
            self._write({}, reason)
            print(f"{FLAGS.output}: {reason}")
            return
        tied = shortcut_ties(self.candidates) if FLAGS.tie_shortcuts else []
        least = self.files.size(smallest(self.files.sizes, tied, TABLES))
        check_budget(self.budget, least)  # before anything slow is measured
        found = self._sensitivities()
        options = {"tied": tied, "tables": TABLES}
        choice = search(found.table, self.files.sizes, self.budget, self.files.size, **options)
        self._write(explained(choice, found.rows, self.files.sizes), "float by --scheme")
        for name, bits in choice.bits.items():
            print(f"{name:<32}{bits:>3} bits{self.files.sizes[name][bits]:>12,} bytes")
        print(
            f"{FLAGS.output}: file of {choice.size:,} bytes, {self.budget - choice.size:,} below "
            f"the budget; {found.method} took {found.seconds:.1f} s"
        )
        if choice.note:
            print(f"note: {choice.note}")
        if FLAGS.front:
            self._draw(found, choice, options)

    def _write(self, layers, otherwise: str) -> None:
        """Writes the plan; layers that have no width in it stay float."""
        from tfsv.bitwidth.plan import BitPlan, LayerPlan
        from tfsv.quantization.configs import quantizable_layers

        rows = {}
        for layer in quantizable_layers(self.network):
            size = self.files.others.get(layer.name, 4 * layer.count_params())
            rows[layer.name] = layers.get(layer.name, LayerPlan(32, size, 0.0, otherwise))
        BitPlan(self.card.network, FLAGS.method, self.budget, rows).write(FLAGS.output)

    def _sensitivities(self):
        from tfsv.bitwidth.sensitivity import measure, store_file

        method, data = self._method()
        folder = pathlib.Path(FLAGS.store or pathlib.Path(FLAGS.model) / "sensitivities")
        widths = sorted({bits for row in self.candidates.values() for bits in row})
        scheme = f"{self.scheme} {widths}"
        store = store_file(folder, self.network, method, scheme, data)
        return measure(method, self.candidates, store)

    def _method(self):
        """The method and what tells its data."""
        if FLAGS.method == "random":
            from tfsv.bitwidth.controls import Random

            return Random(seed=FLAGS.seed), {}
        if FLAGS.method == "norm":
            from tfsv.bitwidth.controls import WeightNorm

            return WeightNorm(self.network), {}
        if FLAGS.method == "perturbation":
            return self._perturbation()
        batches, vectors = self._training()
        data = {"crops": _digest([vectors, *(part for batch in batches for part in batch)])}
        if FLAGS.method == "kl":
            from tfsv.bitwidth.divergence import Divergence, speaker_posteriors

            inputs = [features for features, _ in batches]
            return Divergence(self.network, inputs, speaker_posteriors(vectors)), data
        from tfsv.bitwidth.curvature import Curvature

        options = {"vectors": FLAGS.vectors, "seed": FLAGS.seed}
        loss = self._loss()
        return Curvature(self.network, batches, loss, **options), data | {"margin": FLAGS.margin}

    def _perturbation(self):
        from tfsv.audio import soundfiles
        from tfsv.bitwidth.perturbation import Perturbation, some_trials
        from tfsv.verification.report import recording_paths
        from tfsv.verification.trials import read_trials

        beside = pathlib.Path(self.manifest.root) / "trials" / "dev.txt"
        trials = some_trials(read_trials(FLAGS.trials or beside), FLAGS.recordings, FLAGS.seed)
        longest = round(FLAGS.dev_seconds * soundfiles.SAMPLE_RATE)
        manifest = None if FLAGS.root else self.manifest
        features = [
            self.front_end(soundfiles.read(path)[None, :longest])[0].numpy()
            for path in recording_paths(trials, FLAGS.root, manifest)
        ]
        data = {"dev": _digest([trials.labels, trials.enrol, trials.test, *features])}
        return Perturbation(self.network, features, trials, FLAGS.score), data

    def _training(self):
        """Batches of features and labels as training has them, and the class vectors."""
        from tfsv.audio.pipeline import PipelineSettings, training_dataset
        from tfsv.bitwidth.class_vectors import class_vectors

        if self._crops is None:
            settings = PipelineSettings(
                batch_size=FLAGS.batch_size,
                crop_seconds=FLAGS.crop_seconds,
                speed_factors=_speeds(FLAGS.speed_factors),
                seed=FLAGS.seed,
            )
            train = self.manifest.split("train")
            vectors = class_vectors(FLAGS.model, self.network, self.front_end, train, settings)
            stream = training_dataset(train, settings).take(FLAGS.batches)
            batches = [(self.front_end(sound).numpy(), who.numpy()) for sound, who in stream]
            self._crops = batches, vectors
        return self._crops

    def _loss(self):
        import tensorflow as tf

        from tfsv.training.losses import AAMSoftmax

        _, vectors = self._training()
        head = AAMSoftmax(len(vectors))
        head.build([None, vectors.shape[1]])
        head.kernel.assign(vectors)
        margin = tf.constant(FLAGS.margin, tf.float32)
        return lambda embeddings, labels: head(embeddings, labels, margin)[0]

    def _draw(self, found, choice, options) -> None:
        from tfsv.bitwidth.candidates import chosen, replaced
        from tfsv.bitwidth.curvature import mean_loss
        from tfsv.bitwidth.front import pareto_front, plot_front, uniform_points
        from tfsv.bitwidth.search import predicted_size

        batches, _ = self._training()
        loss = self._loss()
        before = mean_loss(self.network, batches, loss)
        tables = options["tables"]
        rest = choice.size - predicted_size(self.files.sizes, choice.bits, tables)

        def measured(bits) -> float:
            with replaced(self.network, chosen(self.candidates, bits)):
                return mean_loss(self.network, batches, loss) - before

        front = pareto_front(found.table, self.files.sizes, FLAGS.front_points, **options)
        uniform = uniform_points(found.table, self.files.sizes, tables)
        lines = {
            name: [(p.size + rest, p.predicted, measured(p.bits)) for p in points]
            for name, points in (("mixed", front), ("uniform", uniform))
        }
        lines["chosen"] = [(choice.size, choice.loss, measured(choice.bits))]
        plot_front(FLAGS.front, f"{self.card.network}, {found.method}", lines, self.budget)
        print(f"{FLAGS.front}: {len(front)} points")


def _widths(values: Sequence[str]) -> list[int]:
    if not all(value.isdigit() for value in values):
        raise InputError(f"--candidates={','.join(values)}: expected widths such as 1,2,4,8")
    return [int(value) for value in values]


def _speeds(values: Sequence[str]) -> tuple[float, ...]:
    try:
        return tuple(float(value) for value in values)
    except ValueError as error:
        raise InputError(f"--speed_factors={','.join(values)}: not all numbers") from error


def _digest(arrays) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


if __name__ == "__main__":
    command.run(main)
