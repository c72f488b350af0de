"""TFLite files that take features, so that networks are compared without a front end."""

from collections.abc import Sequence

import numpy as np
import tf_keras as keras
from ai_edge_litert.interpreter import Interpreter

from tfsv.card import ModelCard
from tfsv.conversion.convert import convert
from tfsv.conversion.ends import Ends
from tfsv.packed.expand import expand, is_packed
from tfsv.quantization.calibration import quantize_on
from tfsv.quantization.network import strip
from tfsv.tasks.task import TASKS


def packed_content(
    network: keras.Model, card: ModelCard, batches: Sequence[np.ndarray], bits: int
) -> bytes:
    """A packed file of the network, calibrated without labels.

    Args:
        network: The float network.
        card: Its card.
        batches: Features to calibrate on, float32 `[batch, frames, bins]` each.
        bits: Width of the codes of every kernel that the task quantizes.
    """
    wanted = dict.fromkeys(TASKS[card.task].coded_layers(network), bits)
    plain, coded = strip(quantize_on(network, wanted, batches).network)
    return convert(plain, coded, card, Ends.of(plain), "packed", "int8_weights").content()


class FeatureFile:
    """A file that can be run on features of any length.

    Args:
        content: The file; a packed one is expanded.
    """

    def __init__(self, content: bytes):
        content = expand(content) if is_packed(content) else content
        self._run = Interpreter(model_content=content, num_threads=1)
        self._input, self._output = (
            ends[0] for ends in (self._run.get_input_details(), self._run.get_output_details())
        )
        self._shape: tuple[int, ...] = ()

    def embed(self, features: np.ndarray) -> np.ndarray:
        """Embeddings of length 1 for features, float32 `[batch, frames, bins]`."""
        found = np.concatenate([self(one[np.newaxis]) for one in features])
        lengths = np.linalg.norm(found, axis=1, keepdims=True)
        if not np.all((lengths > 0) & np.isfinite(lengths)):
            raise ValueError("the file runs, but gives no finite embeddings")
        return found / lengths

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """The output for features, float32 `[1, frames, bins]`."""
        if features.shape != self._shape:
            self._run.resize_tensor_input(self._input["index"], features.shape)
            self._run.allocate_tensors()
            self._shape = features.shape
        if self._input["dtype"] == np.int8:
            scale, zero = self._input["quantization"]
            features = np.clip(np.round(features / scale) + zero, -128, 127).astype(np.int8)
        self._run.set_tensor(self._input["index"], features)
        self._run.invoke()
        output = self._run.get_tensor(self._output["index"])
        if self._output["dtype"] == np.int8:
            scale, zero = self._output["quantization"]
            return (output.astype(np.float32) - zero) * np.float32(scale)
        return output
