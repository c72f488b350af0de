"""Running models: a TFLite file without TensorFlow, or a model folder with it."""

import os
import pathlib
from collections.abc import Sequence

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from tfsv.card import ModelCard
from tfsv.demo import located
from tfsv.errors import InputError
from tfsv.export import flatbuffer, seal
from tfsv.export.expand import LARGEST_MODEL, expand, is_packed
from tfsv.export.soundness import check_graph
from tfsv.verification.embedder import Embedder, check_embedding, check_waveform
from tfsv.verification.extraction import WINDOW_SECONDS, embed_long

CARD_ENTRY = "tfsv.card"
"""Name of the metadata entry that holds the model card."""

LARGEST_FILE = LARGEST_MODEL
"""Bytes; no file is read beyond it, and no packed model expanded beyond it."""

_SMALLEST_FILE = 64
_LONGEST_REASON = 200  # characters


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
                f"{self._path}: cannot compute {len(waveform)} samples ({_first_line(error)})"
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


def open_model(path: str | os.PathLike, *, threads: int = 1) -> Embedder:
    """Opens whatever a command's model argument names.

    Args:
        path: A `.tflite` file, a model folder, or a name of `tfsv.demo`.
        threads: Threads of one inference of a TFLite file.

    Raises:
        InputError: It is neither, or it is damaged.
    """
    path = pathlib.Path(located(path))
    if path.is_dir():
        # TensorFlow: only for those who need it.
        from tfsv.model_folder import load_model
        from tfsv.quantization.configs import strip
        from tfsv.verification.embedder import KerasEmbedder

        network, card = load_model(path)
        return KerasEmbedder(strip(network)[0], card)
    if path.suffix == ".tflite":
        return TFLiteEmbedder(path, threads=threads)
    reason = "neither a model folder nor a .tflite file" if path.exists() else "does not exist"
    raise InputError(f"{path}: {reason}; train a model or export one")


def read_model(path: str | os.PathLike) -> bytes:
    """Reads an exported file and compares it with its checksum.

    Raises:
        InputError: The file is absent, unreadable, damaged, or was not exported by tfsv.
    """
    content = read_unchecked(path)
    try:
        seal.check(content)
    except ValueError as error:
        raise unsound(path, error) from error
    return content


def read_unchecked(path: str | os.PathLike) -> bytes:
    """Reads a TFLite file, whatever its checksum.

    Raises:
        InputError: The file is absent, unreadable, too large, or no TFLite file.
    """
    path = pathlib.Path(path)
    try:
        if not path.is_file():
            reason = "is not a file" if path.exists() else "does not exist"
            raise InputError(f"{path}: {reason}; give a .tflite file of tools/export_tflite.py")
        size = path.stat().st_size
        if size > LARGEST_FILE:
            raise InputError(f"{path}: {size} bytes, larger than any model of tfsv")
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    if content[4:8] != flatbuffer.IDENTIFIER:
        raise InputError(f"{path}: not a TFLite file; export it again")
    if len(content) < _SMALLEST_FILE:
        raise InputError(f"{path}: only {len(content)} bytes, truncated; export it again")
    return content


def read_card(content: bytes, path: str | os.PathLike) -> ModelCard:
    """The card in a file that `read_model` has read.

    Args:
        content: The file.
        path: Its name, for errors.

    Raises:
        InputError: There is none, or it is damaged.
    """
    try:
        place = flatbuffer.find_metadata(content, CARD_ENTRY)
        if place is None:
            raise InputError(f"{path}: has no model card; export it with tools/export_tflite.py")
        return ModelCard.from_json(content[place].decode(), source=path)
    except InputError as error:
        raise InputError(_shortened(str(error), len(str(path)))) from error
    except (ValueError, OverflowError, RecursionError) as error:
        raise unsound(path, error) from error


def unsound(path: str | os.PathLike, error: Exception) -> InputError:
    """What to raise for a file that is damaged."""
    return InputError(
        f"{path}: not a sound TFLite file of tfsv ({_first_line(error)}); get it again"
    )


def _first_line(error: Exception) -> str:
    return _shortened((str(error).splitlines() or ["no reason given"])[0])


def _shortened(message: str, beside: int = 0) -> str:
    """A message that may quote a file of any origin, cut to what a line holds."""
    most = beside + _LONGEST_REASON
    return message if len(message) <= most else message[: most - 1] + "…"
