"""What PyTorch made of random networks; see tests/torch_reference/make_goldens.py."""

import json
import pathlib
import runpy
import types

import numpy as np

REFERENCE = pathlib.Path(__file__).parent / "torch_reference"
GOLDENS = REFERENCE / "goldens"
FRAMES = 31

random_weights = types.SimpleNamespace(**runpy.run_path(str(REFERENCE / "random_weights.py")))

EMBEDDINGS = dict(np.load(GOLDENS / "goldens.npz"))
TABLE = json.loads(EMBEDDINGS.pop("table").tobytes())
"""Family, bins, frames and shapes of the state dict, by case."""


def state_dict(case):
    """The tensors of a case, as `random_weights` draws them."""
    shapes = TABLE[case]["shapes"]
    return {
        name: random_weights.random_tensor(name, tuple(shape)) for name, shape in shapes.items()
    }


def features(bins, frames=FRAMES):
    return random_weights.random_features(frames, bins)


def worst_relative(found, wanted):
    """Largest distance of an embedding from the wanted one, in lengths of that."""
    return (np.linalg.norm(found - wanted, axis=1) / np.linalg.norm(wanted, axis=1)).max()
