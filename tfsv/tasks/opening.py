"""Opens whatever a command's model argument names."""

import os
import pathlib
from typing import TYPE_CHECKING

from tfsv.card import ModelCard
from tfsv.demo import located
from tfsv.errors import InputError
from tfsv.separation.model_card import check_separator_card
from tfsv.separation.tflite_separator import TFLiteSeparator
from tfsv.verification.embedder import Embedder
from tfsv.verification.scorer import Scorer
from tfsv.verification.tflite_embedder import TFLiteEmbedder

if TYPE_CHECKING:
    from tfsv.separation.evaluation import Separate


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
    raise _neither(path)


def open_separator(path: str | os.PathLike) -> "tuple[Separate, ModelCard]":
    """Opens a separator, and gives its card too.

    Example:
        >>> separate, card = open_separator("runs/separation/fine_tuned")
        >>> sound = separate(read_recording("mixture.wav", array_of(card)), 63.0)

    Args:
        path: A `.tflite` file, a model folder, quantized or not, or a name of `tfsv.demo`.

    Returns:
        A function from what microphones hear, float32 `[microphones, samples]`, and an angle in
        degrees to sound, float32 `[samples]`; and the card.

    Raises:
        InputError: The path is neither, or the model is damaged or of another task.
    """
    path = pathlib.Path(located(path))
    if path.is_dir():
        from tfsv.quantization.network import strip
        from tfsv.tasks.model_folder import load_model, read_folder_card
        from tfsv.tasks.separating import front_end_of, separator

        check_separator_card(read_folder_card(path), str(path))
        network, card = load_model(path)
        return separator(strip(network)[0], front_end_of(card)), card
    if path.suffix.lower() == ".tflite":
        separate = TFLiteSeparator(path)
        return separate, separate.card
    raise _neither(path)


def _neither(path: pathlib.Path) -> InputError:
    reason = "neither a model folder nor a .tflite file" if path.exists() else "does not exist"
    return InputError(f"{path}: {reason}; train a model or export one")
