"""A TFLite file as an embedder, without TensorFlow."""

import os
from collections.abc import Sequence

import numpy as np

from tfsv.card import ModelCard
from tfsv.errors import InputError
from tfsv.runtime.runner import Runner
from tfsv.verification.embedder import check_embedding, check_waveform
from tfsv.verification.extraction import embed_long, voice_of_waveform
from tfsv.verification.model_card import check_speaker_card
from tfsv.verification.scorer import Scorer, Side, model_threshold, scorer_of
from tfsv.verification.voices import Voice
from tfsv.verification.windows import WINDOW_SECONDS


class TFLiteEmbedder:
    """An `Embedder` that runs a TFLite file with LiteRT and its XNNPACK kernels.

    A packed model is expanded in memory first, which takes a few milliseconds and makes it as fast
    as a plain one. An embedder is not for several Python threads at once, since an interpreter has
    one set of buffers.

    Attributes:
        card: The model card in the file.
        threads: Threads of one inference.
        scorer: What makes scores of embeddings, with the cohort and the calibration in the file.
            None: the file has none, and scores are cosines.

    Example:
        >>> embedder = TFLiteEmbedder("model.tflite", threads=2)
        >>> score = embedder.score(embedder.voice(waveform), embedder.voice(other))
    """

    card: ModelCard
    threads: int
    scorer: Scorer | None

    def __init__(self, path: str | os.PathLike, *, threads: int = 1, expanded: bool = True) -> None:
        """Loads the file.

        Args:
            path: A speaker model that tfsv exported. It is read once and may change afterwards.
            threads: Threads of one inference.
            expanded: Whether a packed model is expanded. If not, the graph decodes its codes at
                every inference, as with any other interpreter; that is slower and takes less
                memory.

        Raises:
            InputError: The file is absent, unreadable, damaged, or no speaker model that tfsv
                exported.
        """
        self._use(Runner(path, threads=threads, expanded=expanded))

    @classmethod
    def of(cls, runner: Runner) -> "TFLiteEmbedder":
        """An embedder that runs a file which is open already.

        Example:
            >>> embedder = TFLiteEmbedder.of(tfsv.Runner("model.tflite"))

        Args:
            runner: Runner of the file. It may be used elsewhere too, but not at the same time.

        Raises:
            InputError: The file is no speaker model.
        """
        embedder = cls.__new__(cls)
        embedder._use(runner)
        return embedder

    def _use(self, runner: Runner) -> None:
        check_speaker_card(runner.card, runner.path)
        ports = (*runner.inputs, *runner.outputs)
        if (
            [len(runner.inputs), len(runner.outputs)] != [1, 1]
            or runner.inputs[0].shape != (1, None)
            or any(port.dtype != "float32" for port in ports)
        ):
            raise InputError(
                f"{runner.path}: not a waveform-to-embedding model; export it with tfsv"
            )
        self.card, self.threads, self._runner = runner.card, runner.threads, runner
        self.scorer = Scorer.of(runner.card, runner.cohort, runner.path)
        self._input, self._output = (port.name for port in ports)

    def embed(self, waveform: np.ndarray) -> np.ndarray:
        """Returns the embedding of one utterance; buffers are made anew when its length changes.

        Args:
            waveform: The utterance, float32 `[samples]`, 16 kHz mono, -1 to 1, at least 400
                samples.

        Returns:
            The embedding, float32 `[embedding size]`, of length 1.

        Raises:
            InputError: The waveform is too short or silent, has NaN in it or has more than one
                dimension.
        """
        waveform = check_waveform(waveform)
        embedding = self._runner({self._input: waveform[np.newaxis]})[self._output][0]
        return check_embedding(embedding, samples=len(waveform))

    def embed_batch(self, waveforms: Sequence[np.ndarray]) -> np.ndarray:
        """Returns the embeddings of several utterances, of any lengths.

        Utterances of equal length are computed one after the other, so that buffers are made anew
        as seldom as possible.

        Args:
            waveforms: The utterances, each float32 `[samples]`, 16 kHz mono, -1 to 1, at least 400
                samples.

        Returns:
            The embeddings, float32 `[utterances, embedding size]`, in the order of `waveforms`.

        Raises:
            InputError: There is no waveform, or `embed` refuses one.
        """
        if not len(waveforms):
            raise InputError("no waveform to embed: the batch is empty")
        order = sorted(range(len(waveforms)), key=lambda i: len(waveforms[i]))
        embeddings = {i: self.embed(waveforms[i]) for i in order}
        return np.stack([embeddings[i] for i in range(len(waveforms))])

    def embed_long(
        self, waveform: np.ndarray, window_seconds: float = WINDOW_SECONDS
    ) -> np.ndarray:
        """Returns the embedding of a recording of any length: the normalised mean over windows.

        Args:
            waveform: The recording, float32 `[samples]`, 16 kHz mono, -1 to 1.
            window_seconds: Longest window, in seconds. A shorter recording is embedded whole.

        Returns:
            The embedding, float32 `[embedding size]`, of length 1.

        Raises:
            InputError: The waveform is too short or silent, has NaN in it or has more than one
                dimension.
        """
        return embed_long(self, waveform, window_seconds)

    def voice(self, waveform: np.ndarray, window_seconds: float = WINDOW_SECONDS) -> Voice:
        """Returns one side of a trial: the embedding of a recording, and how much is heard in it.

        Args:
            waveform: The recording, float32 `[samples]`, 16 kHz mono, -1 to 1, of any length.
            window_seconds: Longest window, in seconds. A shorter recording is embedded whole.

        Raises:
            InputError: The waveform is too short or silent, has NaN in it or has more than one
                dimension.
        """
        return voice_of_waveform(self, waveform, window_seconds)

    def score(self, enrol: Side, test: Side) -> float:
        """Returns the score of two sides: a log-likelihood ratio where the file has a calibration.

        Without a calibration it is the cosine. `threshold` says from which score on to accept.

        Args:
            enrol: One side: what `voice` or `embed` gave, or a list of it for several recordings.
                Of an embedding alone, duration and level count as typical.
            test: The other side. Exchanged sides have the same score.

        Raises:
            InputError: An embedding is NaN, zero or of the wrong size.
        """
        return scorer_of(self).score(enrol, test)

    def threshold(self, false_accept_rate: float = 0.01) -> float:
        """Returns the score at and above which to accept, as `score` gives it.

        Args:
            false_accept_rate: Rate of impostors that is bearable, 0.01 or 0.001.

        Raises:
            InputError: The file has no such threshold.
        """
        return model_threshold(scorer_of(self), false_accept_rate, self._runner.path)[0]
