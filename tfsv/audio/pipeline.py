"""Training crops as a tf.data pipeline: decode, crop, change speed, augment, batch."""

import math
import os
import pathlib
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf
from absl import logging

from tfsv.audio import SAMPLE_RATE, augment, decoding, mixing
from tfsv.audio.manifest import Manifest, Utterance
from tfsv.audio.pipeline_settings import PipelineSettings
from tfsv.audio.sound_kinds import SUFFIXES
from tfsv.audio.soundfiles import sound_info
from tfsv.errors import InputError

_TOOK = "\0"  # between the names of a file that could not be read and of what was read instead
_ANY_LENGTH = 1e6  # seconds
_ATTEMPTS = 6  # files tried in one's place before a run ends
_MARGIN = 200  # samples read on both sides of a crop whose speed changes; see augment.resample
_ROOM_TAPS = SAMPLE_RATE  # of a recorded impulse response, from its peak on
_as_written = tf.autograph.experimental.do_not_convert  # spares seconds of tracing
_EQUALIZER = 1  # folded into the seed of a crop's equalizer
_NOBODY = -1  # row of a crop of a recording that stands in for another
_CROP, _WHETHER, _WHICH, _KIND, _FILE, _POSITION, _SNR, _DRAWS = range(8)


def class_count(manifest: Manifest, settings: PipelineSettings) -> int:
    """Number of classes, which is speakers × speed factors.

    Example:
        >>> manifest = voices_manifest(speakers=10, utterances=8)
        >>> class_count(manifest, PipelineSettings())
        30
    """
    return len(manifest.speakers) * len(settings.speed_factors)


def steps_per_epoch(manifest: Manifest, settings: PipelineSettings) -> int:
    """Number of batches that hold every visit once at every speed factor, rounded up.

    A visit is an utterance, or a part of it where the settings have `visit_seconds`.

    Example:
        >>> manifest = voices_manifest(speakers=10, utterances=8)
        >>> steps_per_epoch(manifest, PipelineSettings(batch_size=64))
        4
    """
    visits = int(_visits(list(manifest), settings).sum())
    return math.ceil(visits * len(settings.speed_factors) / settings.batch_size)


def _visits(utterances: Sequence[Utterance], settings: PipelineSettings) -> np.ndarray:
    """How often an epoch visits each utterance, int64 `[utterances]`, at least once."""
    if settings.visit_seconds is None:
        return np.ones(len(utterances), np.int64)
    seconds = np.array([utterance.seconds for utterance in utterances])
    return np.maximum(1, np.round(seconds / settings.visit_seconds)).astype(np.int64)


def training_dataset(
    manifest: Manifest,
    settings: PipelineSettings,
    first_step: int = 0,
    *,
    vectors: Callable[[np.ndarray], np.ndarray] | None = None,
) -> tf.data.Dataset:
    """Endless batches of training crops.

    Item p of the stream depends on the settings, the manifest and p alone. So the batches are the
    same whatever the parallelism. `first_step=n` continues as if the n batches before had been
    drawn, without decoding them. Each epoch visits every (utterance, speed factor) once, or as
    often as `visit_seconds` says, in an order of its own. A batch may end one epoch and begin the
    next.

    An utterance whose file cannot be decoded is replaced by the next one of its speaker. The log
    names it once. When six of a speaker in a row cannot be decoded, iterating raises an error that
    names the first.

    Memory holds the path, the label and a few integers of each utterance, and decoded sound of the
    crops under way only. The paths of a million utterances take some 100 MB.

    Automatic sharding is off, so under tf.distribute every worker would see all the data. Several
    workers need different seeds. In one process `experimental_distribute_dataset` splits each
    batch.

    Example:
        >>> train = read_manifest("corpus/manifest.tsv").split("train")
        >>> for crops, classes in training_dataset(train, PipelineSettings()).take(10): ...

    Args:
        manifest: Manifest of the training utterances, such as `Manifest.split` gives it.
        settings: Settings of the pipeline.
        first_step: Number of the first batch; the batches before it are skipped.
        vectors: Function from rows, int64 `[batch]`, to something that is known of each, such as a
            teacher's embedding, float32 `[batch, size]`. A row is factor index × utterances + index
            of the utterance in the manifest. None: nothing is asked.

    Returns:
        A dataset of crops and classes. Crops are float32 `[batch, crop samples]` at 16 kHz, from
        -1 to 1. Classes are int32 `[batch]`, factor index × speakers + index of the speaker in
        `manifest.speakers`. With `vectors` the classes become the pair (classes, vectors). A vector
        is zero where a recording stands in for one that could not be read.

    Raises:
        InputError: The manifest is empty, or a folder of noise or rooms has no sound files.
    """
    corpus = _Corpus(manifest, settings)
    augmenter = _Augmenter(settings)
    factors = tf.constant(settings.speed_factors, tf.float64)
    total = corpus.visits * len(settings.speed_factors)

    @_as_written
    def item(position: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
        epoch, slot = position // total, position % total
        shuffled = tf.random.experimental.index_shuffle(slot, [settings.seed, epoch], total - 1)
        factor, index = shuffled // corpus.visits, corpus.visited(shuffled % corpus.visits)
        seeds = tf.random.split([settings.seed, position], 2)
        draws = tf.random.stateless_uniform([_DRAWS], seeds[0])

        def read(attempt: tf.Tensor) -> tf.Tensor:
            row = corpus.candidate(index, attempt)
            sound, rate = decoding.decode(corpus.path(row), settings.decoder)
            sound = mixing.mono(sound, corpus.channel(row))
            return crop(sound, rate, factors[factor], settings.crop_samples, draws[_CROP])

        waveform, trouble = _first_that_reads(
            lambda attempt: corpus.path(corpus.candidate(index, attempt)), read
        )
        waveform.set_shape([settings.crop_samples])
        waveform, further = augmenter(waveform, draws, seeds[1])
        label = tf.cast(factor, tf.int32) * corpus.speakers + corpus.label(index)
        row = tf.where(trouble == "", factor * len(manifest) + corpus.row(index), _NOBODY)
        return waveform, label, tf.stack([trouble, further]), row

    first = first_step * settings.batch_size
    stream = tf.data.Dataset.range(first, np.iinfo(np.int64).max)
    stream = stream.map(item, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    stream = stream.batch(settings.batch_size, drop_remainder=True)
    stream = stream.map(
        _as_written(_TroubleLog())
    )  # not in parallel: lines come in the items' order
    stream = stream.map(_as_written(_with_vectors(vectors) if vectors else _without_rows))
    options = tf.data.Options()
    options.deterministic = True
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    return stream.prefetch(tf.data.AUTOTUNE).with_options(options)


def crop(
    sound: tf.Tensor, rate: tf.Tensor, factor: tf.Tensor, samples: int, position: tf.Tensor
) -> tf.Tensor:
    """Cuts a crop of fixed length out of a sound, at another speed and at 16 kHz.

    The crop takes factor × its length from the sound. Then it is resampled to its length, rate and
    speed in one go, which multiplies pitch and tempo by the factor. A sound that is too short is
    repeated, as in WeSpeaker's recipes.

    Example:
        >>> sound, rate = tf.zeros([48000]), tf.constant(16000)
        >>> crop(sound, rate, tf.constant(0.9, tf.float64), 32000, tf.constant(0.5)).shape
        TensorShape([32000])

    Args:
        sound: Sound, float32 `[frames]`. It may exceed 1.
        rate: Sample rate of the sound, Hz, int32.
        factor: Speed factor, float64.
        samples: Length of the crop in samples.
        position: Start of the crop between the first and the last possible place, float32 in
            0 to 1.

    Returns:
        The crop, float32 `[samples]`.

    Raises:
        tf.errors.InvalidArgumentError: The crop holds NaN or infinity. The error comes when the
            graph runs.
    """
    frames = tf.shape(sound)[0]
    ratio = tf.cast(rate, tf.float64) * factor / SAMPLE_RATE
    same = tf.equal(ratio, 1.0)
    margin = tf.where(same, 0, _MARGIN)

    def stretched(count: tf.Tensor) -> tf.Tensor:
        return tf.cast(tf.round(tf.cast(count, tf.float64) * ratio), tf.int32)

    taken, before = stretched(samples + 2 * margin), stretched(margin)
    spare = tf.maximum(frames - (taken - 2 * before), 0)
    first = tf.cast(tf.cast(position, tf.float64) * tf.cast(spare + 1, tf.float64), tf.int32)
    places = tf.math.floormod(first - before + tf.range(taken), frames)
    waveform = tf.debugging.check_numerics(tf.gather(sound, places), "crop")
    return tf.cond(
        same,
        lambda: waveform,
        lambda: augment.resample(waveform, samples + 2 * margin)[margin : margin + samples],
    )


class _Corpus:
    """The manifest as tensors, its utterances sorted by speaker."""

    def __init__(self, manifest: Manifest, settings: PipelineSettings):
        if len(manifest) == 0:
            raise InputError(f"{manifest.path}: no utterance to train on")
        names = {speaker: label for label, speaker in enumerate(manifest.speakers)}
        rows = sorted(range(len(manifest)), key=lambda i: names[manifest.utterances[i].speaker])
        utterances = [manifest.utterances[row] for row in rows]
        often = _visits(utterances, settings)
        labels = np.array([names[utterance.speaker] for utterance in utterances], np.int32)
        counts = np.bincount(labels)
        self.speakers = len(names)
        self.visits = int(often.sum())
        self._visited = tf.constant(np.repeat(np.arange(len(utterances)), often), tf.int64)
        self._rows = tf.constant(rows, tf.int64)
        self._paths = tf.constant([manifest.absolute(utterance) for utterance in utterances])
        self._channels = tf.constant([utterance.channel or mixing.ALL for utterance in utterances])
        self._labels = tf.constant(labels)
        self._counts = tf.constant(counts, tf.int64)
        self._starts = tf.constant(np.cumsum(counts) - counts, tf.int64)

    def visited(self, visit: tf.Tensor) -> tf.Tensor:
        """Index of the utterance of a visit."""
        return tf.gather(self._visited, visit)

    def row(self, index: tf.Tensor) -> tf.Tensor:
        """Index of an utterance in the manifest."""
        return tf.gather(self._rows, index)

    def label(self, index: tf.Tensor) -> tf.Tensor:
        return tf.gather(self._labels, index)

    def candidate(self, index: tf.Tensor, attempt: tf.Tensor) -> tf.Tensor:
        """Index of an utterance (attempt 0) or of what may stand in for it."""
        start = tf.gather(self._starts, self.label(index))
        count = tf.gather(self._counts, self.label(index))
        return start + (index - start + attempt) % count

    def path(self, index: tf.Tensor) -> tf.Tensor:
        return tf.gather(self._paths, index)

    def channel(self, index: tf.Tensor) -> tf.Tensor:
        return tf.gather(self._channels, index)


class _Augmenter:
    """Adds rooms, noise and other microphones to some crops."""

    def __init__(self, settings: PipelineSettings):
        self._settings = settings
        self._rooms = None if settings.rirs is None else _sounds(settings.rirs, "rirs")
        self._noises = []  # paths and range of signal-to-noise ratios
        if settings.musan is not None:
            ranges = (settings.noise_snr, settings.speech_snr, settings.music_snr)
            for kind, snr in zip(("noise", "speech", "music"), ranges, strict=True):
                folder = pathlib.Path(settings.musan, kind)
                if folder.is_dir():
                    self._noises.append((_sounds(folder, "musan"), snr))
            if not self._noises:
                raise InputError(f"musan={settings.musan}: has no subfolder noise, speech or music")

    def __call__(
        self, waveform: tf.Tensor, draws: tf.Tensor, seed: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns float32 `[samples]` and a line about a file that failed, "" if none did."""
        room, noise = self._chosen(draws)
        troubles = []
        for chosen, add in ((room, self._in_room), (noise, self._in_noise)):
            waveform, trouble = tf.cond(
                chosen,
                lambda add=add, before=waveform: add(before, draws, seed),
                lambda before=waveform: (before, tf.constant("")),
            )
            troubles.append(trouble)
        if self._settings.equalizer_probability:
            other = tf.random.experimental.stateless_fold_in(seed, _EQUALIZER)
            chosen = tf.random.stateless_uniform([], other) < self._settings.equalizer_probability
            waveform = tf.cond(
                chosen,
                lambda: augment.equalize(waveform, other, self._settings.equalizer_db),
                lambda: waveform,
            )
        trouble = tf.where(troubles[0] == "", troubles[1], troubles[0])
        return augment.limit_peak(waveform), trouble

    def _chosen(self, draws: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Whether a crop gets a room, and whether it gets noise."""
        settings = self._settings
        whether, which = draws[_WHETHER], draws[_WHICH]
        if settings.room_probability is None and settings.noise_probability is None:
            touched = whether < settings.augment_probability
            return touched & (which < 0.5), touched & (which >= 0.5)
        half = settings.augment_probability / 2
        room, noise = (
            half if given is None else given
            for given in (settings.room_probability, settings.noise_probability)
        )
        return whether < room, which < noise

    def _in_room(self, waveform, draws, seed):
        if self._rooms is None:
            return augment.reverberate(waveform, augment.generated_room(seed)), tf.constant("")

        def path(attempt: tf.Tensor) -> tf.Tensor:
            return _pick(self._rooms, draws[_FILE], attempt)

        response, trouble = _first_that_reads(path, lambda n: self._read_room(path(n)))
        response.set_shape([_ROOM_TAPS])
        return augment.reverberate(waveform, response), trouble

    def _in_noise(self, waveform, draws, seed):
        samples = self._settings.crop_samples
        if not self._noises:
            generators = [
                (augment.coloured_noise, self._settings.noise_snr),
                (augment.babble_noise, self._settings.speech_snr),
            ]
            branches = [
                lambda make=make, snr=snr: (make(seed, samples), tf.constant(""), snr)
                for make, snr in generators
            ]
        else:
            branches = [
                lambda paths=paths, snr=snr: (*self._read_noise(paths, draws), snr)
                for paths, snr in self._noises
            ]
        kind = tf.cast(draws[_KIND] * len(branches), tf.int32)
        noise, trouble, snr = tf.switch_case(kind, branches)
        decibels = snr[0] + draws[_SNR] * (snr[1] - snr[0])
        return augment.add_noise(waveform, noise, decibels), trouble

    def _read_noise(self, paths, draws):
        def path(attempt: tf.Tensor) -> tf.Tensor:
            return _pick(paths, draws[_FILE], attempt)

        def read(attempt: tf.Tensor) -> tf.Tensor:
            sound, rate = decoding.decode(path(attempt), self._settings.decoder)
            sound, factor = mixing.mono(sound), tf.constant(1.0, tf.float64)
            return crop(sound, rate, factor, self._settings.crop_samples, draws[_POSITION])

        noise, trouble = _first_that_reads(path, read)
        return tf.ensure_shape(noise, [self._settings.crop_samples]), trouble

    def _read_room(self, path: tf.Tensor) -> tf.Tensor:
        """The first channel from its peak on, float32 `[_ROOM_TAPS]`, with zeros behind its end."""
        sound, rate = decoding.decode(path, self._settings.decoder)
        response = tf.debugging.check_numerics(sound[: 10 * rate, 0], "impulse response")
        length = tf.cast(tf.shape(response)[0], tf.int64) * SAMPLE_RATE // tf.cast(rate, tf.int64)
        response = tf.cond(
            rate == SAMPLE_RATE,
            lambda: response,
            lambda: augment.resample(response, tf.cast(length, tf.int32)),
        )
        peak = tf.argmax(tf.abs(response), output_type=tf.int32)
        tf.debugging.assert_greater(tf.abs(response[peak]), 0.0, "silent impulse response")
        response = response[peak : peak + _ROOM_TAPS]
        return tf.pad(response, [[0, _ROOM_TAPS - tf.shape(response)[0]]])


def _first_that_reads(candidate, read) -> tuple[tf.Tensor, tf.Tensor]:
    """Reads the first of several files that can be read, and only those before it.

    Args:
        candidate: Function from an int64 attempt to the path of the file that it reads.
        read: Function from an attempt to a float32 tensor, which may fail when the graph runs.

    Returns:
        The value of `read`, and a line about the file that failed, "" if the first one did not.

    Raises:
        tf.errors.OpError: All candidates fail. The error comes when the graph runs. Its message
            has that of an `InputError`, which names the first one and what is wrong with it.
    """

    @_as_written
    def attempt(n: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        path = candidate(n)
        line = tf.strings.join([candidate(tf.zeros_like(n)), path], separator=_TOOK)
        return read(n), tf.where(n == 0, "", line)

    @_as_written
    def fail(path: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        nothing = tf.numpy_function(_refuse, [path], tf.float32)
        return tf.ensure_shape(nothing, [0]), path

    tries = tf.data.Dataset.range(_ATTEMPTS).map(attempt).ignore_errors()
    failure = tf.data.Dataset.from_tensors(candidate(tf.constant(0, tf.int64))).map(fail)
    return tries.concatenate(failure).take(1).get_single_element()


def _refuse(path: bytes) -> np.ndarray:
    """Says why a recording and all that might have replaced it were of no use."""
    raise InputError(f"{_reason(os.fsdecode(path))} (nor could any of its replacements be read)")


def _reason(name: str) -> str:
    """Why a recording could not be read; it is decoded once more for that."""
    try:
        sound_info(name, maximum_seconds=_ANY_LENGTH)
    except InputError as error:
        return str(error)
    return f"{name}: lacks the channel that its row names, or could not be read then"


class _TroubleLog:
    """Takes the lines about bad files off a batch and logs them, each file once."""

    def __init__(self):
        self._known = set()

    def __call__(self, waveforms, labels, lines, rows):
        def log(lines: np.ndarray) -> None:
            for line in lines[lines != b""].ravel():
                path, taken = map(os.fsdecode, line.split(_TOOK.encode()))
                if path not in self._known:
                    self._known.add(path)
                    logging.warning("%s; took %s", _reason(path), taken)

        trouble = tf.reduce_any(lines != "")
        tf.cond(
            trouble, lambda: tf.numpy_function(log, [lines], []), lambda: tf.no_op(), name="log"
        )
        return waveforms, labels, rows


def _without_rows(waveforms: tf.Tensor, labels: tf.Tensor, rows: tf.Tensor):
    return waveforms, labels


def _with_vectors(vectors: Callable[[np.ndarray], np.ndarray]):
    """A function that puts what is known of each row beside the labels."""
    size = vectors(np.zeros(1, np.int64)).shape[1]

    def looked_up(rows: np.ndarray) -> np.ndarray:
        known = rows != _NOBODY
        found = np.zeros((len(rows), size), np.float32)
        found[known] = vectors(rows[known])
        return found

    def put(waveforms, labels, rows):
        found = tf.numpy_function(looked_up, [rows], tf.float32)
        return waveforms, (labels, tf.ensure_shape(found, [rows.shape[0], size]))

    return put


def _sounds(folder: str | os.PathLike, setting: str) -> tf.Tensor:
    """Paths of all sound files below the folder that a setting names, sorted."""
    paths = sorted(
        str(path) for path in pathlib.Path(folder).rglob("*") if path.suffix.lower() in SUFFIXES
    )
    if not paths:
        raise InputError(f"{setting}={folder}: no sound files below ({' '.join(SUFFIXES[:7])} …)")
    return tf.constant(paths)


def _pick(paths: tf.Tensor, draw: tf.Tensor, attempt: tf.Tensor) -> tf.Tensor:
    """One of the paths by a number in 0 to 1. Later attempts take the following ones."""
    count = tf.size(paths, tf.int64)
    first = tf.cast(tf.cast(draw, tf.float64) * tf.cast(count, tf.float64), tf.int64)
    return tf.gather(paths, (first + attempt) % count)
