"""The main job: train float, quantize, fine-tune, measure each."""

import dataclasses
import json
import pathlib
from collections.abc import Callable

import tensorflow as tf
import tf_keras as keras

from tfsv.audio.manifest import Manifest, read_manifest
from tfsv.audio.pipeline import (
    PipelineSettings,
    class_count,
    steps_per_epoch,
    training_dataset,
)
from tfsv.audio.voices import voices_manifest
from tfsv.bitwidth.plan import BitPlan
from tfsv.card import ModelCard, package_versions
from tfsv.errors import InputError
from tfsv.features import LogMel
from tfsv.files import replacing, sha256_of, writable_folder
from tfsv.models import NetworkSettings, build_network
from tfsv.quantization.network import (
    coded_weights,
    quantizable_layers,
    quantize,
    quantized_bits,
    refresh_codebooks,
    strip,
)
from tfsv.quantization.schemes import Scheme
from tfsv.quantization.size import model_bytes
from tfsv.tasks.model_folder import load_model, save_model
from tfsv.training.fit import OPTIMIZERS, FitSettings, fit
from tfsv.training.losses import AAMSoftmax
from tfsv.training.schedules import LearningRate, Margin
from tfsv.training.stages import ORDERS, StagedFineTuning, plan_stages
from tfsv.verification.class_vectors import class_vectors, save_class_vectors
from tfsv.verification.embedder import KerasEmbedder
from tfsv.verification.evaluation import evaluate, recording_paths
from tfsv.verification.trials import read_trials


@dataclasses.dataclass(frozen=True)
class Recipe:
    """Everything that decides the outcome of a run; a flag of `tools/train.py` each.

    Attributes:
        corpus: "voices", the built-in corpus, or a manifest's path.
        speakers: Of the voices corpus.
        utterances: Of each speaker of the voices corpus.
        dev_trials: Trial list for thresholds; None: `trials/dev.txt` beside the manifest.
        test_trials: Trial list to report; None: `trials/test.txt` beside the manifest.
        dev_root: Folder of the dev trials' recordings; None: the manifest has them.
        test_root: Folder of the test trials' recordings; None: the manifest has them.
        network: Name of the network.
        channels: Width of its first layers; None: the published one.
        bins: Mel filters.
        embedding_size: Components of the embedding; None: as published.
        pooling: Name of the pooling; None: the published one.
        start: Folder of a float model to quantize instead of training one; of the settings above,
            only those of data and fine-tuning matter then. A model without class vectors, such as
            an imported one, starts with the mean embeddings of the speakers.
        pipeline: How crops are made; its seed is the run's seed.
        epochs: Of float training; an epoch is every utterance once at every speed factor. May be
            a fraction.
        optimizer: Of every fit, "sgd" or "adamw".
        learning_rate: First learning rate of the float training.
        last_learning_rate: The one that it decays to.
        warmup: Part of the steps in which the learning rate rises from 0.
        margin: Final AAM-softmax margin.
        margin_start: Part of the steps without margin.
        margin_end: Part of the steps at which the margin is final.
        weight_decay: Of every fit.
        spec_augment: Whether to mask random frames and bins of the features.
        bits: Width of the codes of all layers; 0: stay float.
        bit_plan: File with a width for each layer instead; see `tools/search_bits.py`.
        scheme: How weights are quantized; see `tfsv.quantization.schemes.Scheme`.
        finetune_epochs: Of fine-tuning the quantized network.
        finetune_learning_rate: First learning rate of fine-tuning; it decays to a tenth.
        refresh_steps: Steps between two refreshes of the codebooks in fine-tuning.
        stages: Stages of fine-tuning, which share its epochs; 1: all layers in one go.
        stage_order: Which layers come first: "bits" (the widest; a stage for each width),
            "sensitivity" (of the bit plan) or "front".
        control: Also give the float network the further epochs, as the control of fine-tuning.
        checkpoint_steps: Steps between two checkpoints.
    """

    corpus: str
    speakers: int
    utterances: int
    dev_trials: str | None
    test_trials: str | None
    dev_root: str | None
    test_root: str | None
    network: str
    channels: int | None
    bins: int
    embedding_size: int | None
    pooling: str | None
    start: str | None
    pipeline: PipelineSettings
    epochs: float
    optimizer: str
    learning_rate: float
    last_learning_rate: float
    warmup: float
    margin: float
    margin_start: float
    margin_end: float
    weight_decay: float
    spec_augment: bool
    bits: int
    bit_plan: str | None
    scheme: str
    finetune_epochs: float
    finetune_learning_rate: float
    refresh_steps: int
    stages: int
    stage_order: str
    control: bool
    checkpoint_steps: int

    def __post_init__(self):
        for flag, right, expected in (
            ("epochs", self.epochs > 0, "more than 0"),
            ("optimizer", self.optimizer in OPTIMIZERS, " or ".join(OPTIMIZERS)),
            ("warmup", 0 <= self.warmup < 1, "0 to 1"),
            ("margin_start", 0 <= self.margin_start <= 1, "0 to 1"),
            ("margin_end", self.margin_start <= self.margin_end <= 1, "--margin_start to 1"),
            ("weight_decay", self.weight_decay >= 0, "at least 0"),
            ("bits", 0 <= self.bits <= 8, "0 (float) or 1 to 8"),
            ("finetune_epochs", self.finetune_epochs >= 0, "at least 0"),
            ("finetune_learning_rate", self.finetune_learning_rate > 0, "more than 0"),
            ("refresh_steps", self.refresh_steps >= 1, "at least 1"),
            ("stages", self.stages >= 1, "at least 1"),
            ("stage_order", self.stage_order in ORDERS, " or ".join(ORDERS)),
            ("checkpoint_steps", self.checkpoint_steps >= 1, "at least 1"),
        ):
            if not right:
                raise InputError(f"--{flag}={getattr(self, flag)}: expected {expected}")
        scheme = Scheme.parse(self.scheme)
        if self.bits:
            scheme.check_bits(self.bits)
        object.__setattr__(self, "scheme", str(scheme))
        if self.start is None:
            settings = NetworkSettings(
                self.network, self.channels, self.bins, self.embedding_size, self.pooling
            ).resolved()
            for name in ("channels", "embedding_size", "pooling"):
                object.__setattr__(self, name, getattr(settings, name))


def run(recipe: Recipe, folder: str, strategy: tf.distribute.Strategy | None = None) -> dict:
    """Runs the recipe, or what is left of it when the folder holds a part of it.

    The folder gets a model folder for each of `float` (unless the recipe starts from one),
    `post_training`, `fine_tuned` and `control`, each with `results.json`, beside `recipe.json` and
    a link `corpus` to the manifest's folder. What is there already is not done again; a fit goes on
    from its last checkpoint.

    Args:
        recipe: What to do.
        folder: Where to.
        strategy: For training; defaults to the current one, which is one machine's one device.

    Returns:
        The records of `evaluate` by model name, each with `bytes`.

    Raises:
        InputError: The folder is another recipe's or cannot be written, or an input is unusable.
    """
    return _Run(recipe, writable_folder(folder), strategy or tf.distribute.get_strategy()).all()


class _Run:
    def __init__(self, recipe: Recipe, folder: pathlib.Path, strategy: tf.distribute.Strategy):
        self.recipe = recipe
        self.folder = folder
        self.strategy = strategy
        self.manifest = _corpus(recipe)
        self.train = self.manifest.split("train")
        self.float_folder = pathlib.Path(recipe.start) if recipe.start else folder / "float"
        self.front_end = LogMel(bins=recipe.bins)
        beside = pathlib.Path(self.manifest.root) / "trials"
        self.dev_trials = recipe.dev_trials or str(beside / "dev.txt")
        self.test_trials = recipe.test_trials or str(beside / "test.txt")
        inputs = {"manifest": self.manifest.path}
        for name, file, root in (
            ("dev_trials", self.dev_trials, recipe.dev_root),
            ("test_trials", self.test_trials, recipe.test_root),
        ):
            _check_trials(file, root, self.manifest, self.train)
            inputs[name] = file
        self.steps_per_epoch = steps_per_epoch(self.train, recipe.pipeline)
        self._float_settings()  # what is wrong with the settings shows here, before the claim
        if recipe.start:
            inputs["start"] = self.float_folder / "network.weights.h5"
            network, card = self._float()
            self.front_end = LogMel(**card.front_end)
        else:
            network, _ = self._network_and_head()
        if recipe.bit_plan:
            inputs["bit_plan"] = recipe.bit_plan
        if recipe.bit_plan or recipe.stages > 1:
            self._stages(self._quantized(network))
        keras.utils.set_random_seed(recipe.pipeline.seed)
        _claim(folder, recipe, {name: sha256_of(path) for name, path in inputs.items()})
        _link(folder / "corpus", pathlib.Path(self.manifest.root))
        if tf.config.list_physical_devices("GPU"):  # on CPUs the steps repeat without it, and
            tf.config.experimental.enable_op_determinism()  # it would run the pipeline in series

    def all(self) -> dict:
        recipe = self.recipe
        results = {}
        if not recipe.start:
            results["float"] = self._model("float", self._train_float)
        quantized = recipe.bits or recipe.bit_plan
        if quantized:
            results["post_training"] = self._model("post_training", self._post_training)
        if quantized and recipe.finetune_epochs:
            results["fine_tuned"] = self._model("fine_tuned", self._fine_tune)
        if recipe.control and recipe.finetune_epochs:
            results["control"] = self._model("control", self._control)
        return results

    def _model(self, name: str, make: Callable[[pathlib.Path], keras.Model]) -> dict:
        """Makes the model and measures it, unless that was done before."""
        folder = self.folder / name
        record_file = folder / "results.json"
        if record_file.exists():
            return json.loads(record_file.read_text(encoding="utf-8"))
        if not (folder / "card.json").exists():
            network = make(folder)
            save_model(folder, network, self._card(name, network))
        network, card = load_model(folder)
        embedder = KerasEmbedder(strip(network)[0], card)
        dev = self._evaluate(embedder, folder, self.dev_trials, self.recipe.dev_root)
        record = self._evaluate(embedder, folder, self.test_trials, self.recipe.test_root)
        card.thresholds = dev["thresholds"]
        card.eer = record["eer"]
        card.min_dcf = record["min_dcf_0.01"]
        save_model(folder, network, card)
        record["dev_eer"] = dev["eer"]
        record["bytes"] = model_bytes(network)
        with replacing(record_file) as part:
            part.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
        return record

    def _evaluate(self, embedder, folder: pathlib.Path, file: str, root: str | None) -> dict:
        manifest = None if root else self.manifest
        return evaluate(
            embedder, read_trials(file), root, manifest=manifest, trial_list=file, model=folder
        )

    def _float_settings(self) -> FitSettings:
        recipe = self.recipe
        steps = max(1, round(recipe.epochs * self.steps_per_epoch))
        return FitSettings(
            steps,
            LearningRate(
                recipe.learning_rate,
                recipe.last_learning_rate,
                steps,
                round(recipe.warmup * steps),
            ),
            Margin(
                recipe.margin,
                round(recipe.margin_start * steps),
                round(recipe.margin_end * steps),
            ),
            optimizer=recipe.optimizer,
            weight_decay=recipe.weight_decay,
            spec_augment=recipe.spec_augment,
            seed=recipe.pipeline.seed,
            checkpoint_steps=recipe.checkpoint_steps,
        )

    def _train_float(self, folder: pathlib.Path) -> keras.Model:
        network, head = self._network_and_head()
        self._fit(network, head, self._float_settings(), folder, first_step=0)
        save_class_vectors(folder, head.kernel.numpy(), self.train, self.recipe.pipeline)
        return network

    def _post_training(self, folder: pathlib.Path) -> keras.Model:
        network = self._quantized(self._float()[0])
        refresh_codebooks(network)
        return network

    def _quantized(self, network: keras.Model) -> keras.Model:
        bits = self.recipe.bits
        if self.recipe.bit_plan:
            plan = BitPlan.read(self.recipe.bit_plan)
            plan.check([layer.name for layer in quantizable_layers(network)])
            bits = plan.bits
            if not bits:
                raise InputError(f"--bit_plan={self.recipe.bit_plan}: all its layers stay float")
        return quantize(network, bits, self.recipe.scheme)

    def _stages(self, network: keras.Model) -> StagedFineTuning:
        """What fine-tuning does with a quantized network, step by step."""
        recipe, sensitivities = self.recipe, None
        if recipe.bit_plan:
            layers = BitPlan.read(recipe.bit_plan).layers
            sensitivities = {name: layer.sensitivity for name, layer in layers.items()}
        plan = plan_stages(
            recipe.stage_order, recipe.stages, quantized_bits(network), sensitivities,
            self._further_steps(), recipe.finetune_learning_rate,
        )  # fmt: skip
        return StagedFineTuning(network, plan, recipe.refresh_steps)

    def _fine_tune(self, folder: pathlib.Path) -> keras.Model:
        with self.strategy.scope():
            parent = self._float()[0]
            network = self._quantized(parent)
        staged = self._stages(network)
        self._further_training(
            network, folder, parent,
            learning_rate=staged.learning_rate, on_step=staged.on_step, state=staged,
        )  # fmt: skip
        return network

    def _control(self, folder: pathlib.Path) -> keras.Model:
        with self.strategy.scope():
            network = self._float()[0]
        rate = self.recipe.finetune_learning_rate
        decay = LearningRate(rate, rate / 10, self._further_steps())
        self._further_training(network, folder, network, learning_rate=decay)
        return network

    def _further_steps(self) -> int:
        return max(1, round(self.recipe.finetune_epochs * self.steps_per_epoch))

    def _further_training(self, network, folder: pathlib.Path, parent, **settings) -> None:
        """The same further epochs for every network: fixed margin, small learning rate.

        `parent` is the float network, whose class vectors the training starts with.
        """
        recipe = self.recipe
        before = self._float_settings()
        settings = dataclasses.replace(
            before,
            steps=self._further_steps(),
            margin=Margin(recipe.margin),
            seed=recipe.pipeline.seed + 1,
            **settings,
        )
        with self.strategy.scope():
            head = self._head(network.output_shape[-1])
        vectors = class_vectors(
            self.float_folder, parent, self.front_end, self.train, recipe.pipeline
        )
        head.kernel.assign(vectors)
        self._fit(network, head, settings, folder, first_step=before.steps)

    def _float(self) -> tuple[keras.Model, ModelCard]:
        network, card = load_model(self.float_folder)
        if card.bits:
            raise InputError(f"--start={self.recipe.start}: is quantized already; give a float one")
        return network, card

    def _network_and_head(self) -> tuple[keras.Model, AAMSoftmax]:
        recipe = self.recipe
        with self.strategy.scope():
            network = build_network(
                recipe.network,
                channels=recipe.channels,
                bins=recipe.bins,
                embedding_size=recipe.embedding_size,
                pooling=recipe.pooling,
            )
            return network, self._head(recipe.embedding_size)

    def _head(self, embedding_size: int) -> AAMSoftmax:
        head = AAMSoftmax(class_count(self.train, self.recipe.pipeline))
        head.build([None, embedding_size])
        return head

    def _fit(self, network, head, settings, folder: pathlib.Path, first_step: int) -> None:
        """`first_step` is where this fit's data begin in the run's endless stream."""

        def dataset_from(step: int) -> tf.data.Dataset:
            return training_dataset(self.train, self.recipe.pipeline, first_step + step)

        fit(
            network, head, self.front_end, dataset_from, settings,
            writable_folder(folder), folder.name, self.strategy,
        )  # fmt: skip

    def _corpora(self) -> str:
        """Names of the corpora, not where they lie on this machine."""
        named = {u.extra["corpus"] for u in self.train if u.extra.get("corpus")}
        return ", ".join(sorted(named)) or pathlib.Path(self.manifest.path).stem

    def _card(self, name: str, network: keras.Model) -> ModelCard:
        recipe = self.recipe
        coded = coded_weights(network)
        speakers, recordings = len(self.train.speakers), len({u.path for u in self.train})
        trained_on = f"{self._corpora()}: {speakers} speakers, {recordings} utterances"
        if recipe.start:
            before = self._float()[1]
            if before.trained_on and before.trained_on != trained_on:
                trained_on = f"{before.trained_on}; then {trained_on}"
        else:
            before = ModelCard(
                network=recipe.network,
                channels=recipe.channels,
                bins=recipe.bins,
                embedding_size=recipe.embedding_size,
                pooling=recipe.pooling,
                front_end=self.front_end.settings(),
            )
        return dataclasses.replace(
            before,
            bits={layer: weights.bits for layer, weights in coded.items()},
            scheme=recipe.scheme if coded else None,
            trained_on=trained_on,
            versions=package_versions(),
            notes=name,
        )


def _check_trials(file: str, root: str | None, manifest: Manifest, train: Manifest) -> None:
    """Finds before the training what would spoil the evaluation after it."""
    trials = read_trials(file)
    if set(trials.labels.tolist()) != {0, 1}:
        raise InputError(f"{file}: needs target and non-target trials, labelled 1 and 0")
    for path in recording_paths(trials, root, None if root else manifest):
        if not pathlib.Path(path).is_file():
            raise InputError(f"{file}: {path} does not exist")
    names, trained = set(trials.names), set(train.speakers)
    for utterance in manifest:
        if utterance.speaker in trained and not names.isdisjoint(
            (utterance.path, utterance.utterance)
        ):
            raise InputError(
                f"{file}: speaker {utterance.speaker} is in the train split; hold speakers out"
            )


def _claim(folder: pathlib.Path, recipe: Recipe, inputs: dict[str, str]) -> None:
    """Writes recipe and inputs' hashes into a fresh folder; in a used one they must be the same."""
    file = folder / "recipe.json"
    wanted = json.loads(json.dumps(dataclasses.asdict(recipe) | {"input_sha256": inputs}))
    if not file.exists():
        with replacing(file) as part:
            part.write_text(json.dumps(wanted, indent=2) + "\n", encoding="utf-8")
        return
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        different = sorted(key for key in wanted | found if wanted.get(key) != found.get(key))
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{file}: cannot be read; use another --run_dir") from error
    if different:
        raise InputError(
            f"{folder}: holds a run with other settings ({', '.join(different)}); "
            "use another --run_dir, or the same flags to resume"
        )


def _corpus(recipe: Recipe) -> Manifest:
    if recipe.corpus == "voices":
        return voices_manifest(
            speakers=recipe.speakers,
            utterances=recipe.utterances,
            sessions=min(4, recipe.utterances),
        )
    return read_manifest(recipe.corpus)


def _link(link: pathlib.Path, target: pathlib.Path) -> None:
    """Lets the run's folder show where its recordings are."""
    if not link.exists():
        link.unlink(missing_ok=True)
        link.symlink_to(target.resolve(), target_is_directory=True)


def summary(results: dict[str, dict]) -> str:
    """The results as a table, one model a line."""
    lines = [f"{'model':<15}{'EER %':>8}{'minDCF':>9}{'dev EER %':>11}{'kB':>9}"]
    for name, record in results.items():
        lines.append(
            f"{name:<15}{100 * record['eer']:>8.2f}{record['min_dcf_0.01']:>9.3f}"
            f"{100 * record['dev_eer']:>11.2f}{record['bytes'] / 1000:>9.1f}"
        )
    return "\n".join(lines)
