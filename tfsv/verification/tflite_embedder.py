"""A TFLite file as an embedder, without TensorFlow."""

import os
from collections.abc import Sequence

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from tfsv.card import ModelCard
from tfsv.errors import InputError
from tfsv.packed.expand import expand, is_packed
from tfsv.packed.soundness import check_graph
from tfsv.runtime.model_files import first_line, read_card, read_model, unsound
from tfsv.verification.embedder import check_embedding, check_waveform
from tfsv.verification.extraction import WINDOW_SECONDS, embed_long


class TFLiteEmbedder:
    """An `Embedder` that runs a TFLite file with LiteRT and its XNNPACK kernels.

    A packed model is expanded in memory first, which takes a few milliseconds and makes it as fast
    as a plain one. Not for several Python threads at once: an interpreter has one set of buffers.

    Attributes:
        card: The model card in the file.
        threads: Threads of one inference.
    """

    card: ModelCard
    threads: int

    def __init__(self, path: str | os.PathLike, *, threads: int = 1, expanded: bool = True) -> None:
        """Loads the file.

        Args:
            path: A file of `tools/export_tflite.py`. It is read once and may change afterwards.
            threads: Threads of one inference.
            expanded: Whether a packed model is expanded. If not, the graph decodes its codes at
                every inference, as with any other interpreter: slower, and in less memory.

        Raises:
            InputError: The file is absent, unreadable, damaged, or was not exported by tfsv.
        """
        if threads < 1:
            raise InputError(f"--threads={threads}: must be at least 1")
        content = read_model(path)
        self.card, self.threads = read_card(content, path), threads
        try:
            if expanded and is_packed(content):
                content = expand(content)
            check_graph(content)
            self._interpreter = Interpreter(model_content=content, num_threads=threads)
            inputs = self._interpreter.get_input_details()
            outputs = self._interpreter.get_output_details()
        except (ValueError, RuntimeError) as error:
            raise unsound(path, error) from error
        if (
            len(inputs) != 1
            or len(outputs) != 1
            or list(inputs[0]["shape_signature"]) != [1, -1]
            or any(details["dtype"] != np.float32 for details in inputs + outputs)
        ):
            raise InputError(f"{path}: not a waveform-to-embedding model; export it with tfsv")
        self._input, self._output = inputs[0]["index"], outputs[0]["index"]
        self._samples = 0
        self._path = path

    def embed(self, waveform: np.ndarray) -> np.ndarray:
        """Returns the embedding of one utterance; buffers are made anew when its length changes.

        Args:
            waveform: Float32 `[samples]`, 16 kHz mono, -1 to 1, at least 400 samples.

        Returns:
            Float32 `[embedding size]`, of length 1.

        Raises:
            InputError: The waveform is too short, has NaN in it or has more than one dimension.
        """
        waveform = check_waveform(waveform)
        try:
            if len(waveform) != self._samples:
                self._samples = 0
                self._interpreter.resize_tensor_input(self._input, [1, len(waveform)])
                self._interpreter.allocate_tensors()
                self._samples = len(waveform)
            self._interpreter.set_tensor(self._input, waveform[np.newaxis])
            self._interpreter.invoke()
        except (ValueError, RuntimeError) as error:
            raise InputError(
                f"{self._path}: cannot compute {len(waveform)} samples ({first_line(error)})"
            ) from error
        embedding = self._interpreter.get_tensor(self._output)[0]
        return check_embedding(embedding, samples=len(waveform))

    def embed_batch(self, waveforms: Sequence[np.ndarray]) -> np.ndarray:
        """Returns the embeddings of several utterances, of any lengths.

        Utterances of equal length are computed one after the other, so that buffers are made anew
        as seldom as possible.

        Args:
            waveforms: As `embed` takes them.

        Returns:
            Float32 `[utterances, embedding size]`, in the order of `waveforms`.

        Raises:
            InputError: There is none, or `embed` refuses one.
        """
        if not len(waveforms):
            raise InputError("no waveform to embed: the batch is empty")
        order = sorted(range(len(waveforms)), key=lambda i: len(waveforms[i]))
        embeddings = {i: self.embed(waveforms[i]) for i in order}
        return np.stack([embeddings[i] for i in range(len(waveforms))])

    def embed_long(
        self, waveform: np.ndarray, window_seconds: float = WINDOW_SECONDS
    ) -> np.ndarray:
        """Returns the embedding of a recording of any length: the average over windows.

        See `tfsv.verification.extraction.embed_long`, which it calls.
        """
        return embed_long(self, waveform, window_seconds)
