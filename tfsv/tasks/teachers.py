"""A teacher's embeddings of the training recordings, computed once and kept."""

import os
import pathlib
from collections.abc import Sequence

import numpy as np

from tfsv.array_files import read_array
from tfsv.audio.manifest import Manifest
from tfsv.audio.speeds import at_speed
from tfsv.demo import located
from tfsv.errors import InputError
from tfsv.files import write_array
from tfsv.tasks.opening import open_model
from tfsv.training.distillation import RecordedTeacher
from tfsv.verification.evaluation import model_identity
from tfsv.verification.extraction import StoredEmbeddings

_PROJECTION = "teacher.npy"  # in a model folder: kernel with the bias as its last row
_PAIRS = 4096  # recordings from which the baseline is estimated


class Teacher:
    """A teacher's embeddings of the recordings of a manifest at each speed, without augmentation.

    Example:
        >>> teacher = Teacher("models/ge2e", train, "runs/a/teacher")
        >>> teacher.vectors(np.array([0, 7])).shape
        (2, 256)

    Attributes:
        vectors: Function from rows to embeddings, float32 `[rows, size]`. A row is speed index ×
            utterances + index of the utterance.
        size: Number of components of an embedding.
        baseline: Mean cosine between the embeddings of different recordings.

    Args:
        model: A `.tflite` file, a model folder, or a name of `tfsv.demo`.
        train: The training split.
        folder: Folder that keeps the embeddings. A killed run goes on with those that are there.
        speed_factors: Speeds at which the recordings are heard.

    Raises:
        InputError: The model cannot be opened, no recording can be embedded, or the folder cannot
            be written.
    """

    def __init__(
        self,
        model: str | os.PathLike,
        train: Manifest,
        folder: str | os.PathLike,
        speed_factors: Sequence[float] = (1.0,),
    ):
        recordings = [train.recording(utterance) for utterance in train]
        paths = [at_speed(path, factor) for factor in speed_factors for path in recordings]
        teacher = open_model(model)
        identity = model_identity(located(model), teacher)
        self.vectors = StoredEmbeddings(teacher, paths, folder, identity, "teacher")
        self.size = self.vectors.size
        rows = np.random.default_rng(0).permutation(len(paths))[:_PAIRS]
        units = self.vectors(np.sort(rows))
        units = units[units.any(axis=1)].astype(np.float64)
        count = len(units)
        squares = np.square(units.sum(axis=0)).sum()
        self.baseline = float((squares - count) / max(1, count * (count - 1)))


def save_projection(folder: pathlib.Path, teacher: RecordedTeacher) -> None:
    """Keeps a trained projection to the teacher's embeddings in a model folder.

    Example:
        >>> save_projection(pathlib.Path("runs/a/float"), objective.teacher)

    Raises:
        InputError: The folder cannot be written.
    """
    write_array(folder / _PROJECTION, np.vstack([teacher.kernel.numpy(), teacher.bias.numpy()]))


def read_projection(folder: pathlib.Path, teacher: RecordedTeacher) -> None:
    """Takes the projection of a float parent over, where it has one of the same sizes.

    Example:
        >>> read_projection(pathlib.Path("runs/a/float"), objective.teacher)

    Raises:
        InputError: The file cannot be read.
    """
    file = folder / _PROJECTION
    if not file.exists():
        return
    try:
        projection = read_array(file)
    except (OSError, ValueError) as error:
        raise InputError(f"{file}: cannot be read ({error}); delete it or train again") from error
    *kernel, bias = projection
    if np.shape(kernel) == teacher.kernel.shape:
        teacher.kernel.assign(np.array(kernel))
        teacher.bias.assign(bias)
