"""The fit loop: steps, progress, checkpoints, resume."""

import dataclasses
import math
import pathlib
from collections.abc import Callable, Mapping

import tensorflow as tf
import tf_keras as keras
from tqdm import tqdm

from tfsv.audio.augment import spec_augment
from tfsv.errors import InputError
from tfsv.features import LogMel
from tfsv.training.losses import AAMSoftmax
from tfsv.training.schedules import Margin

OPTIMIZERS = {
    "sgd": lambda weight_decay: keras.optimizers.SGD(momentum=0.9, nesterov=True),
    "adamw": lambda weight_decay: keras.optimizers.AdamW(weight_decay=weight_decay),
}


@dataclasses.dataclass(frozen=True)
class StepNote:
    """What there is to show about a step.

    Attributes:
        text: Shown before the progress bar, after the fit's name.
        scalars: Go to TensorBoard.
    """

    text: str
    scalars: Mapping[str, float]


@dataclasses.dataclass(frozen=True)
class FitSettings:
    """What one fit does.

    Attributes:
        steps: Number of steps.
        learning_rate: Learning rate by step.
        margin: AAM-softmax margin by step.
        optimizer: "sgd" (Nesterov momentum 0.9; WeSpeaker's ResNets) or "adamw" (its DF-ResNets).
        weight_decay: For every trained weight; with "sgd" its L2 penalty is added to the gradient
            as PyTorch does (scales that quantizers learn are left out), with "adamw" it is
            decoupled.
        spec_augment: Whether to mask random frames and bins of the features.
        seed: Of the masks.
        checkpoint_steps: Steps between two checkpoints.
        on_step: Called before each step with its number, for what must change in mid-fit, such
            as codebooks. Whatever it changes must be a variable of the network, so that a
            checkpoint holds it.
        state: Goes into the checkpoints. Its `deserialize` may raise an `InputError` to refuse
            what it finds there.
    """

    steps: int
    learning_rate: Callable[[int], float]
    margin: Margin
    optimizer: str = "sgd"
    weight_decay: float = 1e-4
    spec_augment: bool = False
    seed: int = 0
    checkpoint_steps: int = 100
    on_step: Callable[[int], StepNote | None] | None = None
    state: tf.train.experimental.PythonState | None = None


def fit(
    network: keras.Model,
    head: AAMSoftmax,
    front_end: LogMel,
    dataset_from: Callable[[int], tf.data.Dataset],
    settings: FitSettings,
    folder: pathlib.Path,
    name: str,
    strategy: tf.distribute.Strategy | None = None,
) -> dict[str, float]:
    """Trains the network in place, or goes on where a killed run of the same folder was.

    A checkpoint holds network, head, optimizer and step; the data of a step depend on its number
    only. So a run that was killed and resumed ends with the weights of one that was not, bit for
    bit (on GPUs only under `tf.config.experimental.enable_op_determinism`).

    Args:
        network: `[batch, frames, bins]` to `[batch, size]`, made under the strategy's scope.
        head: The loss, made and built under the strategy's scope.
        front_end: Waveform to features.
        dataset_from: Gives the endless dataset of (float32 `[batch, samples]`, int32 `[batch]`)
            that begins at a step.
        settings: See `FitSettings`.
        folder: Checkpoints and TensorBoard logs go to `folder/checkpoints`, `folder/tensorboard`.
        name: Shown before the progress bar.
        strategy: Defaults to the current one. The batch of the dataset is the global one.

    Returns:
        Mean loss and accuracy over the last hundred steps of this call.

    Raises:
        InputError: The loss is not finite any more, or a checkpoint does not fit or cannot be
            written. Checkpoints before that stay.
    """
    strategy = strategy or tf.distribute.get_strategy()
    with strategy.scope():
        optimizer = OPTIMIZERS[settings.optimizer](settings.weight_decay)
        optimizer.build(network.trainable_variables + head.trainable_variables)
        done = tf.Variable(0, trainable=False, dtype=tf.int64)
    parts = {"network": network, "head": head, "optimizer": optimizer, "step": done}
    if settings.state:
        parts["state"] = settings.state
    checkpoint = tf.train.Checkpoint(**parts)
    manager = tf.train.CheckpointManager(checkpoint, str(folder / "checkpoints"), max_to_keep=2)
    _restore(checkpoint, manager)
    first = int(done.numpy())
    if first >= settings.steps:
        return {}
    train_step = _train_step(network, head, front_end, optimizer, settings, strategy)
    batches = iter(strategy.experimental_distribute_dataset(dataset_from(first)))
    board = tf.summary.create_file_writer(str(folder / "tensorboard"))
    recent: list[tuple[float, float]] = []
    batch_size = None
    progress = tqdm(total=settings.steps, initial=first, desc=name, unit="step", dynamic_ncols=True)
    with progress, board.as_default():
        for step in range(first, settings.steps):
            note = settings.on_step(step) if settings.on_step else None
            if note:
                progress.set_description_str(f"{name}, {note.text}", refresh=False)
            rate, margin = settings.learning_rate(step), settings.margin(step)
            optimizer.learning_rate.assign(rate)
            waveforms, labels = _next(batches, folder)
            batch_size = batch_size or sum(
                part.shape[0] for part in strategy.experimental_local_results(labels)
            )
            loss, accuracy = (float(x) for x in train_step(waveforms, labels, margin, step))
            if not math.isfinite(loss):
                raise InputError(
                    f"{folder}: the loss became {loss} at step {step}; start anew with a lower "
                    "learning rate and another --run_dir"
                )
            recent = [*recent[-99:], (loss, accuracy)]
            progress.update()
            speed = progress.format_dict["rate"]
            progress.set_postfix_str(
                f"loss {_mean(recent, 0):.2f}, accuracy {_mean(recent, 1):.0%}, margin {margin:.2f}"
                + (f", {speed * batch_size:.0f} crops/s" if speed else ""),
                refresh=False,
            )
            for tag, value in (
                ("loss", loss), ("accuracy", accuracy), ("margin", margin), ("learning_rate", rate),
                *(note.scalars.items() if note else ()),
            ):  # fmt: skip
                tf.summary.scalar(f"{name}/{tag}", value, step)
            if (step + 1) % settings.checkpoint_steps == 0 or step + 1 == settings.steps:
                done.assign(step + 1)
                _save(manager)
    return {"loss": _mean(recent, 0), "accuracy": _mean(recent, 1)}


def _train_step(network, head, front_end, optimizer, settings, strategy):
    variables = network.trainable_variables + head.trainable_variables

    def on_replica(waveforms, labels, margin, step):
        features = front_end(waveforms)
        if settings.spec_augment:
            replica = tf.distribute.get_replica_context().replica_id_in_sync_group
            features = spec_augment(features, tf.stack([settings.seed, step * 1024 + replica]))
        with tf.GradientTape() as tape:
            losses, right = head(network(features, training=True), labels, margin)
            count = tf.shape(losses)[0] * strategy.num_replicas_in_sync
            loss = tf.reduce_sum(losses) / tf.cast(count, tf.float32)
        gradients = tape.gradient(loss, variables)
        if settings.optimizer == "sgd":
            decay = settings.weight_decay / strategy.num_replicas_in_sync  # replicas are summed
            gradients = [
                g + decay * v if v.shape.rank else g  # no decay of scales that a quantizer learns
                for g, v in zip(gradients, variables, strict=True)
            ]
        optimizer.apply_gradients(zip(gradients, variables, strict=True))
        return loss, tf.reduce_mean(right) / strategy.num_replicas_in_sync

    # Without autograph, which would spend seconds on translating Keras and its optimizer.
    @tf.function(autograph=False)
    def train_step(waveforms, labels, margin, step):
        results = strategy.run(on_replica, (waveforms, labels, margin, step))
        return [strategy.reduce(tf.distribute.ReduceOp.SUM, x, axis=None) for x in results]

    return lambda waveforms, labels, margin, step: train_step(
        waveforms, labels, tf.constant(margin, tf.float32), tf.constant(step)
    )


def _next(batches, folder: pathlib.Path):
    try:
        return next(batches)
    except tf.errors.OpError as error:
        raise InputError(
            f"{folder}: no more training data ({error.message.splitlines()[0]}); check the corpus "
            "with tools/prepare_corpus.py and run again to resume"
        ) from error


def _restore(checkpoint: tf.train.Checkpoint, manager: tf.train.CheckpointManager) -> None:
    if not manager.latest_checkpoint:
        return
    try:
        checkpoint.restore(manager.latest_checkpoint).assert_consumed()
    except (AssertionError, ValueError, tf.errors.OpError) as error:
        raise InputError(
            f"{manager.latest_checkpoint}: cannot be resumed ({str(error).splitlines()[0]}); "
            "use another --run_dir or delete this one"
        ) from error


def _save(manager: tf.train.CheckpointManager) -> None:
    try:
        manager.save()
    except (OSError, tf.errors.OpError) as error:
        raise InputError(
            f"{manager.directory}: checkpoint not written ({str(error).splitlines()[0]}); "
            "the one before is kept, run again to resume"
        ) from error


def _mean(pairs: list[tuple[float, float]], column: int) -> float:
    return sum(pair[column] for pair in pairs) / len(pairs)
