"""A model on disk: a folder with weights and a card. TensorFlow is for the weights only."""

import dataclasses
import os
import pathlib
import struct
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tfsv import folders
from tfsv.array_files import read_array
from tfsv.card import ModelCard
from tfsv.disk_space import shortage
from tfsv.errors import InputError
from tfsv.files import replacing, write_array, write_text
from tfsv.foreign import HEAD_BYTES, foreign_kind
from tfsv.packed.cohort import cohort_bytes, read_cohort
from tfsv.tasks.task import TASKS
from tfsv.tasks.weights_files import check_weights
from tfsv.text_files import read_text

if TYPE_CHECKING:
    import numpy as np
    import tf_keras as keras

_BESIDE_ARRAY = 2000  # bytes of groups and headers of HDF5 for each array


def save_model(folder: str | os.PathLike, network: "keras.Model", card: ModelCard) -> None:
    """Writes the network and its card; the card comes last, so that a folder with one is whole.

    Example:
        >>> network, card = load_model("runs/resnet/float")
        >>> save_model("copy", network, card)

    Args:
        folder: Folder to write. It is made when absent; an older model in it is replaced.
        network: A network that the card's task or `quantize` made.
        card: The card, from which `load_model` rebuilds the network.

    Raises:
        InputError: The folder cannot be written.
    """
    folder = pathlib.Path(folder)
    (folder / folders.COHORT).unlink(missing_ok=True)  # that of an older model
    weights = network.get_weights()
    wanted = sum(array.nbytes + _BESIDE_ARRAY for array in weights)
    with replacing(folder / folders.WEIGHTS, wanted) as part:
        _reserve(part, wanted)
        network.save_weights(part)
    write_folder_card(folder, card)


def _reserve(part: pathlib.Path, size: int) -> None:
    """Proves that there is room: HDF5 fails with a traceback for every object that is open."""
    with part.open("wb") as file:
        try:
            os.posix_fallocate(file.fileno(), 0, size)
        except OSError as error:
            if shortage(error):
                raise


def load_model(folder: str | os.PathLike) -> "tuple[keras.Model, ModelCard]":
    """Reads what `save_model` wrote; nothing in the folder is executed.

    Example:
        >>> network, card = load_model("runs/resnet/fine_tuned")
        >>> card.bits["embedding"]
        4

    Returns:
        The network, quantized as its card says (codebooks included), and the card.

    Raises:
        InputError: A file is missing or broken, or the weights do not fit the card.
    """
    from tfsv.quantization.network import quantize

    folder = pathlib.Path(folder)
    card = read_folder_card(folder)
    if card.task is None:
        raise InputError(f"{folder / folders.CARD}: names no task, so its network is not known")
    task = TASKS.named(card.task)
    task.check(card, str(folder / folders.CARD))
    network = task.build(card)
    if card.bits:
        network = quantize(network, card.bits, card.scheme or "kmeans")
    weights = folder / folders.WEIGHTS
    try:
        check_weights(weights, network.count_params())
        network.load_weights(weights)
    except InputError:
        raise
    except (OSError, ValueError, KeyError) as error:
        if kind := _foreign_kind_of(weights):
            raise InputError(f"{weights}: {kind}") from error
        reason = str(error).splitlines()[0]
        raise InputError(f"{weights}: does not fit its card ({reason})") from error
    return network, card


def read_folder_card(folder: str | os.PathLike) -> ModelCard:
    """The card of a model folder.

    Example:
        >>> card = read_folder_card("runs/resnet/fine_tuned")
        >>> card.measured["eer"], card.thresholds

    Raises:
        InputError: The card is missing or broken.
    """
    file = pathlib.Path(folder) / folders.CARD
    if not file.is_file():
        raise InputError(f"{folder}: not a model folder (it has no {folders.CARD})")
    text = read_text(file, "a model's card")
    return ModelCard.from_json(text, file)


def write_folder_card(folder: str | os.PathLike, card: ModelCard) -> None:
    """Writes or replaces the card of a model folder.

    Example:
        >>> card = read_folder_card("runs/resnet/fine_tuned")
        >>> write_folder_card("runs/resnet/fine_tuned", dataclasses.replace(card, notes="v2"))

    Raises:
        InputError: The card cannot be written.
    """
    write_text(pathlib.Path(folder) / folders.CARD, card.to_json())


def read_folder_cohort(folder: str | os.PathLike) -> "np.ndarray | None":
    """The cohort of a model folder, int8 `[vectors, size]`; None where it has none.

    Example:
        >>> read_folder_cohort("runs/resnet/fine_tuned").shape
        (200, 128)

    Raises:
        InputError: The file is no such array.
    """
    import numpy as np

    file = pathlib.Path(folder) / folders.COHORT
    if not file.is_file():
        return None
    try:
        cohort = read_array(file)
        if cohort.dtype != np.int8 or cohort.ndim != 2:
            raise ValueError(f"{cohort.dtype} {list(cohort.shape)} instead of int8 [vectors, size]")
        return read_cohort(cohort_bytes(cohort))
    except (OSError, ValueError, EOFError, struct.error) as error:
        if kind := _foreign_kind_of(file):
            raise InputError(f"{file}: {kind}") from error
        reason = (str(error).splitlines() or ["damaged"])[0]
        raise InputError(
            f"{file}: not a cohort ({reason:.200}); calibrate the folder again with `tfsv evaluate`"
        ) from error


def write_folder_decision(
    folder: str | os.PathLike, decision: Mapping[str, Any], cohort: "np.ndarray | None"
) -> None:
    """Gives a model folder what it decides with. A kill leaves no cohort that fits no card.

    Example:
        >>> write_folder_decision("runs/resnet/fine_tuned", {"thresholds": {"eer": 0.3}}, None)

    Args:
        folder: The model folder.
        decision: The card's new table `decision`.
        cohort: Vectors that outputs are compared with, int8 `[vectors, size]`. None: the folder's
            cohort is no longer needed, and is removed.

    Raises:
        InputError: The card cannot be read, or a file cannot be written.
    """
    folder = pathlib.Path(folder)
    card = read_folder_card(folder)
    file = folder / folders.COHORT
    if file.exists():
        write_folder_card(folder, dataclasses.replace(card, decision={}))
        file.unlink()
    if cohort is not None:
        write_array(file, cohort)
    write_folder_card(folder, dataclasses.replace(card, decision=dict(decision)))


def _foreign_kind_of(path: pathlib.Path) -> str | None:
    """What stands in place of the file, by `tfsv.foreign.foreign_kind`. None: nothing does."""
    try:
        with path.open("rb") as file:
            return foreign_kind(file.read(HEAD_BYTES))
    except OSError:
        return None
