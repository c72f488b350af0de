"""Batches of mixtures, made on threads while the step before runs."""

import concurrent.futures
import itertools
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from tfsv.separation.mixture_settings import MixtureSettings
from tfsv.separation.rendering import Mixture, render
from tfsv.separation.response_bank import ResponseBank
from tfsv.separation.scenes import Scene, draw_scene
from tfsv.separation.talkers import Talkers

_AHEAD = 4  # batches that are made before they are asked for
_THREADS = 2


def drawn_mixture(
    seed: tuple[int, ...],
    talkers: Talkers,
    bank: ResponseBank,
    settings: MixtureSettings,
    samples: int,
) -> Mixture:
    """Draws and makes a mixture, which follows from its seed alone.

    Example:
        >>> mixture = drawn_mixture((0, 7, 0), talkers, bank, MixtureSettings(), 32000)
        >>> mixture.wanted.shape
        (32000,)

    Args:
        seed: Numbers of at least 0, such as a run's seed, a step and a place in its batch.
        talkers: Those who may talk.
        bank: The rooms.
        settings: What is drawn from.
        samples: Length of the mixture.

    Raises:
        InputError: A talker's recordings cannot be read, or the bank is damaged.
    """
    random = np.random.default_rng(seed)
    scene = draw_scene(random, bank, settings)
    return mixture_of(random, scene, talkers, bank, settings, samples)


def mixture_of(
    random: np.random.Generator,
    scene: Scene,
    talkers: Talkers,
    bank: ResponseBank,
    settings: MixtureSettings,
    samples: int,
) -> Mixture:
    """Draws who talks in a scene, and makes its mixture.

    Example:
        >>> mixture = mixture_of(random, scene, talkers, bank, MixtureSettings(), 32000)

    Args:
        random: What is drawn with.
        scene: Where they talk.
        talkers: Those who may talk.
        bank: The rooms.
        settings: What is drawn from.
        samples: Length of the mixture.

    Raises:
        InputError: A talker's recordings cannot be read, or the bank is damaged.
    """
    name = talkers.draw(random)
    near = random.random() < settings.same_corpus
    span, others = scene.spans(samples)
    speech = other = None
    if scene.spoken:
        speech = talkers.stretch(random, name, span.stop - span.start)
    if scene.other is not None:
        second = talkers.draw(random, other_than=name, near=near)
        other = talkers.stretch(random, second, others.stop - others.start)
    return render(scene, bank, speech, other, samples, settings.wanted)


def mixture_batches(
    talkers: Talkers, bank: ResponseBank, settings: MixtureSettings, first_step: int = 0
) -> tf.data.Dataset:
    """Endless batches of mixtures of training. The batch of a step depends on its number only.

    Example:
        >>> for (heard, angles), wanted in mixture_batches(talkers, bank, MixtureSettings()): ...

    Args:
        talkers: Those who may talk.
        bank: The rooms.
        settings: What is drawn from.
        first_step: Number of the first batch.

    Returns:
        A dataset of pairs. The first is what is heard, float32 `[batch, microphones, samples]`, and
        the asked angles, degrees, float32 `[batch]`. The second is the targets, float32
        `[batch, samples]`.
    """
    size, samples = settings.batch_size, settings.crop_samples

    def batch(step: int) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
        made = [
            drawn_mixture((settings.seed, step, place), talkers, bank, settings, samples)
            for place in range(size)
        ]
        heard = np.stack([mixture.heard for mixture in made])
        angles = np.array([mixture.angle for mixture in made], np.float32)
        return (heard, angles), np.stack([mixture.wanted for mixture in made])

    def in_order() -> Iterator[tuple[tuple[np.ndarray, np.ndarray], np.ndarray]]:
        with concurrent.futures.ThreadPoolExecutor(_THREADS) as pool:
            waiting = [pool.submit(batch, first_step + n) for n in range(_AHEAD)]
            for step in itertools.count(first_step + _AHEAD):
                yield waiting.pop(0).result()
                waiting.append(pool.submit(batch, step))

    spec = (
        (
            tf.TensorSpec([size, bank.array.microphones, samples], tf.float32),
            tf.TensorSpec([size], tf.float32),
        ),
        tf.TensorSpec([size, samples], tf.float32),
    )
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    dataset = tf.data.Dataset.from_generator(in_order, output_signature=spec)
    return dataset.prefetch(1).with_options(options)
