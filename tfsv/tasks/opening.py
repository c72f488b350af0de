"""Opens whatever a command's model argument names."""

import os
import pathlib

from tfsv.demo import located
from tfsv.errors import InputError
from tfsv.verification.embedder import Embedder
from tfsv.verification.scorer import Scorer
from tfsv.verification.tflite_embedder import TFLiteEmbedder


def open_model(path: str | os.PathLike, *, threads: int = 1) -> Embedder:
    """Opens whatever a command's model argument names.

    Example:
        >>> model = open_model("runs/resnet/fine_tuned")
        >>> score = model.embed(waveform) @ model.embed(other)

    Args:
        path: A `.tflite` file, a model folder, or a name of `tfsv.demo`.
        threads: Threads of one inference of a TFLite file.

    Raises:
        InputError: The path is none of these, or the model is damaged.
    """
    path = pathlib.Path(located(path))
    if path.is_dir():
        # TensorFlow: only for those who need it.
        from tfsv.quantization.network import strip
        from tfsv.tasks.model_folder import load_model, read_folder_cohort
        from tfsv.verification.keras_embedder import KerasEmbedder

        network, card = load_model(path)
        scorer = Scorer.of(card, read_folder_cohort(path), path)
        return KerasEmbedder(strip(network)[0], card, scorer)
    if path.suffix.lower() == ".tflite":
        return TFLiteEmbedder(path, threads=threads)
    reason = "neither a model folder nor a .tflite file" if path.exists() else "does not exist"
    raise InputError(f"{path}: {reason}; train a model or export one")
