"""The fit loop: steps, progress, checkpoints and resumption."""

import collections
import contextlib
import dataclasses
import math
import pathlib
import shutil
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import tensorflow as tf
import tf_keras as keras
from tqdm import tqdm

from tfsv import folders
from tfsv.disk_space import shortage
from tfsv.errors import InputError
from tfsv.files import writable_folder
from tfsv.run_lock import alone_in
from tfsv.signals import HeldSignals
from tfsv.training.curves import Curves
from tfsv.training.objective import Objective
from tfsv.training.optimizers import OPTIMIZERS

InputsOf = Callable[[Any, tf.Tensor], Any]
"""Function from the dataset's inputs and the step's number, int32, to the network's inputs.

It runs on each replica, as part of the step's graph. It may be a front end or masks, or do nothing.
"""

_RECENT = 100  # steps whose means are shown


@dataclasses.dataclass(frozen=True)
class StepNote:
    """Facts about a step for people.

    Example:
        >>> note = StepNote("stage 2/3", {"stage": 2.0})

    Attributes:
        text: Text before the progress bar, after the fit's name.
        scalars: Values for TensorBoard, by name.
    """

    text: str
    scalars: Mapping[str, float]


@dataclasses.dataclass(frozen=True)
class FitSettings:
    """Settings of one fit.

    Example:
        >>> settings = FitSettings(1000, LearningRate(0.1, 0.001, 1000), optimizer="adamw")

    Attributes:
        steps: Number of steps.
        learning_rate: Function from a step to its learning rate.
        optimizer: Name of the optimizer, a key of `tfsv.training.OPTIMIZERS`. "sgd" with Nesterov
            momentum 0.9 trains WeSpeaker's ResNets, "adamw" its DF-ResNets.
        weight_decay: Decay of every trained weight. "sgd" adds its L2 penalty to the gradient as
            PyTorch does, but not to scalars, such as scales that quantizers learn. "adamw"
            decouples it.
        clip_norm: Length that the gradients of a step, all together, are cut down to. It keeps a
            batch with an extreme gradient from undoing what was learned. None: none is cut.
        checkpoint_steps: Number of steps between two checkpoints.
        unit: Name of what a batch holds, for the progress bar.
        bfloat16: Whether convolutions and matrix products are computed in bfloat16. Weights, their
            updates and sums stay float32. It pays on processors with instructions for it
            (avx512_bf16, AMX), where a step of a ResNet takes two thirds of its time.
        on_step: Function that is called before each step with its number. It changes what must
            change in mid-fit, such as codebooks. This must be variables of the network, so that a
            checkpoint holds them.
        state: Further state in the checkpoints. Its `deserialize` may raise an `InputError` to
            refuse what it finds there.
    """

    steps: int
    learning_rate: Callable[[int], float]
    optimizer: str = "sgd"
    weight_decay: float = 1e-4
    clip_norm: float | None = None
    checkpoint_steps: int = 100
    unit: str = "examples"
    bfloat16: bool = False
    on_step: Callable[[int], StepNote | None] | None = None
    state: tf.train.experimental.PythonState | None = None


def as_they_are(inputs: Any, step: tf.Tensor) -> Any:
    """The `InputsOf` of a dataset that gives the network's inputs themselves.

    Example:
        >>> float(as_they_are(tf.constant(2.0), tf.constant(0)))
        2.0
    """
    return inputs


def fit(
    network: keras.Model,
    objective: Objective,
    dataset_from: Callable[[int], tf.data.Dataset],
    settings: FitSettings,
    folder: pathlib.Path,
    name: str,
    *,
    inputs_of: InputsOf = as_they_are,
    strategy: tf.distribute.Strategy | None = None,
) -> dict[str, float]:
    """Trains the network in place, or goes on where a killed run of the same folder was.

    A checkpoint holds network, objective, optimizer and step. The data of a step depend on its
    number only. So a run that was killed and resumed ends with the weights of one that was not, bit
    for bit. On GPUs this needs `tf.config.experimental.enable_op_determinism`.

    Ctrl-C and SIGTERM end the fit after the step that is running, with a checkpoint of it; a second
    one ends it at once. Before its first step the fit has nothing to keep and ends at once too.
    Only the main thread of a process sees signals.

    Example:
        >>> settings = FitSettings(1000, LearningRate(0.1, 0.001, 1000))
        >>> means = fit(network, objective, dataset_from, settings, pathlib.Path("runs/a"), "float")

    Args:
        network: Network that is trained, made under the strategy's scope.
        objective: Objective that is minimised, made and built for the network's outputs under the
            strategy's scope.
        dataset_from: Function from a step to the endless dataset of (inputs, targets) that begins
            there.
        settings: Settings of the fit.
        folder: Folder of the subfolders `checkpoints` and `tensorboard`. It is made when absent.
        name: Name of the fit, which stands before the progress bar.
        inputs_of: Function from the dataset's inputs to the network's.
        strategy: Strategy that places the replicas. None: it is the current one. The batch of the
            dataset is the global one.

    Returns:
        Means of the loss (as "loss") and of the objective's named values over the last hundred
        steps of this call.

    Raises:
        InputError: The optimizer is unknown, the loss is not finite any more, or a checkpoint does
            not fit or cannot be written. Checkpoints before that stay. It is also raised where
            another process works in the folder.
        KeyboardInterrupt: Ctrl-C stopped the fit. The message says after which step.
    """
    with alone_in(writable_folder(folder)), _products_in_bfloat16(settings.bfloat16):
        return _fitted(
            network, objective, dataset_from, settings, folder, name, inputs_of,
            strategy or tf.distribute.get_strategy(),
        )  # fmt: skip


@contextlib.contextmanager
def _products_in_bfloat16(wanted: bool) -> Iterator[None]:
    """Lets TensorFlow rewrite the graphs that are made within to bfloat16 on processors."""
    option = "auto_mixed_precision_onednn_bfloat16"
    before = tf.config.optimizer.get_experimental_options().get(option, False)
    tf.config.optimizer.set_experimental_options({option: wanted})
    try:
        yield
    finally:
        tf.config.optimizer.set_experimental_options({option: before})


def _fitted(
    network: keras.Model,
    objective: Objective,
    dataset_from: Callable[[int], tf.data.Dataset],
    settings: FitSettings,
    folder: pathlib.Path,
    name: str,
    inputs_of: InputsOf,
    strategy: tf.distribute.Strategy,
) -> dict[str, float]:
    step_of = TrainingStep(network, objective, settings, inputs_of=inputs_of, strategy=strategy)
    with strategy.scope():
        done = tf.Variable(0, trainable=False, dtype=tf.int64)
    manager = _restored(folder / folders.CHECKPOINTS, step_of, done, settings)
    first = int(done.numpy())
    if first >= settings.steps:
        return {}
    batches = iter(strategy.experimental_distribute_dataset(dataset_from(first)))
    curves = Curves(folder / "tensorboard")
    recent: collections.deque[dict[str, float]] = collections.deque(maxlen=_RECENT)
    batch_size = None
    progress = tqdm(total=settings.steps, initial=first, desc=name, unit="step", dynamic_ncols=True)
    with progress, HeldSignals() as signals:
        for step in range(first, settings.steps):
            note = settings.on_step(step) if settings.on_step else None
            if note:
                progress.set_description_str(f"{name}, {note.text}", refresh=False)
            rate, scheduled = settings.learning_rate(step), objective.scheduled(step)
            inputs, targets = _next(batches, folder)
            batch_size = batch_size or _global_size(targets, strategy)
            values = step_of(inputs, targets, step, rate)
            signals.hold()
            if not math.isfinite(values["loss"]):
                raise InputError(
                    f"{folder}: the loss became {values['loss']} at step {step}; start anew with a "
                    "lower learning rate in another folder"
                )
            recent.append(values)
            progress.update()
            speed = progress.format_dict["rate"]
            progress.set_postfix_str(
                objective.shown(_means(recent) | scheduled)
                + (f", {speed * batch_size:.0f} {settings.unit}/s" if speed else ""),
                refresh=False,
            )
            scalars = (
                values | scheduled | {"learning_rate": rate} | dict(note.scalars if note else {})
            )
            curves.write({f"{name}/{tag}": value for tag, value in scalars.items()}, step)
            taken = step + 1
            stopping = signals.waiting
            if stopping or taken % settings.checkpoint_steps == 0 or taken == settings.steps:
                done.assign(taken)
                _save(manager, step_of)
                curves.flush()
            if stopping:
                signals.deliver(
                    f"{folder}: stopped after step {taken} of {settings.steps}, and a checkpoint "
                    "is written; run again to go on from there"
                )
    return _means(recent)


class TrainingStep:
    """A network with objective and optimizer. A call takes a step.

    Example:
        >>> step_of = TrainingStep(network, objective, FitSettings(1, lambda step: 0.1))
        >>> loss = step_of(inputs, targets, step=0, rate=0.1)["loss"]

    Attributes:
        network: Network that is trained.
        objective: Objective that is minimised.
        optimizer: Keras optimizer with its variables.

    Args:
        network: Network that is trained, made under the strategy's scope.
        objective: Objective that is minimised, made and built under the strategy's scope.
        settings: Settings of the fit, of which optimizer, weight decay and clipping are used.
        inputs_of: Function from the dataset's inputs to the network's.
        strategy: Strategy that places the replicas. None: it is the current one.

    Raises:
        InputError: The optimizer is unknown.
    """

    def __init__(
        self,
        network: keras.Model,
        objective: Objective,
        settings: FitSettings,
        *,
        inputs_of: InputsOf = as_they_are,
        strategy: tf.distribute.Strategy | None = None,
    ):
        strategy = strategy or tf.distribute.get_strategy()
        entry = OPTIMIZERS.named(settings.optimizer)
        variables = network.trainable_variables + objective.trainable_variables
        with strategy.scope():
            self.optimizer = entry.make(settings.weight_decay)
            self.optimizer.global_clipnorm = settings.clip_norm  # after replicas were summed
            self.optimizer.build(variables)
        self.network, self.objective = network, objective
        # Without autograph, which would spend seconds on translating Keras and its optimizer.
        self._step = tf.function(
            _step(network, objective, self.optimizer, variables, inputs_of, strategy,
                  settings.weight_decay if entry.penalty else 0.0),
            autograph=False,
        )  # fmt: skip

    def __call__(self, inputs: Any, targets: Any, step: int, rate: float) -> dict[str, float]:
        """Takes a step.

        Args:
            inputs: Inputs of a batch of the dataset.
            targets: Targets of the same batch.
            step: Number of the step.
            rate: Learning rate of the step.

        Returns:
            Means over the batch of the loss (as "loss") and of the named values.
        """
        self.optimizer.learning_rate.assign(rate)
        values = self._step(inputs, targets, tf.constant(step))
        return {name: float(value) for name, value in values.items()}


def _step(network, objective, optimizer, variables, inputs_of, strategy, penalty: float):
    def on_replica(inputs, targets, step):
        features = inputs_of(inputs, step)
        with tf.GradientTape() as tape:
            losses, values = objective(network(features, training=True), targets, step)
            count = tf.shape(losses)[0] * strategy.num_replicas_in_sync
            loss = tf.reduce_sum(losses) / tf.cast(count, tf.float32)
        gradients = tape.gradient(loss, variables)
        if penalty:
            decay = penalty / strategy.num_replicas_in_sync  # replicas are summed
            gradients = [
                g + decay * v if v.shape.rank else g  # no decay of scales that a quantizer learns
                for g, v in zip(gradients, variables, strict=True)
            ]
        optimizer.apply_gradients(zip(gradients, variables, strict=True))
        means = {
            name: tf.reduce_mean(value) / strategy.num_replicas_in_sync
            for name, value in values.items()
        }
        return {"loss": loss, **means}

    def train_step(inputs, targets, step):
        results = strategy.run(on_replica, (inputs, targets, step))
        return {
            name: strategy.reduce(tf.distribute.ReduceOp.SUM, value, axis=None)
            for name, value in results.items()
        }

    return train_step


def _global_size(targets: Any, strategy: tf.distribute.Strategy) -> int:
    first = tf.nest.flatten(targets)[0]
    return sum(part.shape[0] for part in strategy.experimental_local_results(first))


def _next(batches: Iterator, folder: pathlib.Path) -> tuple[Any, Any]:
    try:
        return next(batches)
    except tf.errors.OpError as error:
        raise InputError(
            f"{folder}: no more training data: {_reason(error)}; `tfsv prepare` lists all such "
            "recordings; run again to resume"
        ) from error


def _reason(error: tf.errors.OpError) -> str:
    """The line of the `InputError` that stopped a dataset, or the first line that is not empty."""
    lines = [line.strip() for line in error.message.splitlines() if line.strip()] or [str(error)]
    own = [line for line in lines if f"{InputError.__name__}: " in line]
    return (own or lines)[0].rpartition(f"{InputError.__name__}: ")[2]


def _restored(
    folder: pathlib.Path, step: TrainingStep, done: tf.Variable, settings: FitSettings
) -> tf.train.CheckpointManager:
    """The checkpoint manager of the fit, whose last checkpoint was read."""
    _remove_unfinished(folder)
    latest = tf.train.latest_checkpoint(str(folder)) if folder.is_dir() else None
    parts = {
        "network": step.network,
        _objective_key(latest): step.objective,
        "optimizer": step.optimizer,
        "step": done,
    }
    if settings.state:
        parts["state"] = settings.state
    checkpoint = tf.train.Checkpoint(**parts)
    manager = tf.train.CheckpointManager(checkpoint, str(folder), max_to_keep=2)
    if not manager.latest_checkpoint:
        return manager
    try:
        checkpoint.restore(manager.latest_checkpoint).assert_consumed()
    except (AssertionError, ValueError, tf.errors.OpError) as error:
        raise InputError(
            f"{manager.latest_checkpoint}: cannot be resumed ({str(error).splitlines()[0]}); "
            "use another folder or delete this one"
        ) from error
    return manager


def _objective_key(checkpoint: str | None) -> str:
    """The name of the objective in a checkpoint, which was "head" before version 0.2."""
    if checkpoint:
        try:
            names = [name for name, _ in tf.train.list_variables(checkpoint)]
        except (ValueError, tf.errors.OpError):
            return "objective"  # the restore tells what is wrong with it
        if any(name.startswith("head/") for name in names):
            return "head"
    return "objective"


def _save(manager: tf.train.CheckpointManager, step: TrainingStep) -> None:
    try:
        manager.save()
    except (OSError, tf.errors.OpError) as error:
        variables = (*step.network.variables, *step.objective.variables, *step.optimizer.variables)
        wanted = sum(v.shape.num_elements() * v.dtype.size for v in variables)
        cause, remedy = shortage(error, manager.directory, wanted) or (
            str(error).splitlines()[0], "run again to resume",
        )  # fmt: skip
        _remove_unfinished(pathlib.Path(manager.directory))
        raise InputError(
            f"{manager.directory}: checkpoint not written ({cause}), the one before is kept; "
            f"{remedy}"
        ) from error


def _remove_unfinished(folder: pathlib.Path) -> None:
    """Deletes what a kill or a full disk left of checkpoints that were not finished."""
    state = tf.train.get_checkpoint_state(str(folder))
    whole = [pathlib.Path(path).name for path in state.all_model_checkpoint_paths] if state else []
    for path in folder.glob("ckpt-*_temp"):
        shutil.rmtree(path, ignore_errors=True)
    for path in (*folder.glob("ckpt-*.*"), *folder.glob("checkpoint.tmp*")):
        if path.name.partition(".")[0] not in whole:
            path.unlink(missing_ok=True)


def _means(recent: collections.deque[dict[str, float]]) -> dict[str, float]:
    return {name: sum(x[name] for x in recent) / len(recent) for name in recent[-1]}
