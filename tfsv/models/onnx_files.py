"""The reader of weights in ONNX files."""

import os

import numpy as np

from tfsv.errors import InputError
from tfsv.plain_files import whole

_LARGEST = 1 << 31  # bytes, the most that protobuf reads

_FRAMEWORKS = {"wespeaker": "wespeaker", "3d-speaker": "3dspeaker"}
_INPUTS = {"feats": "wespeaker", "feature": "3dspeaker"}


def read_onnx(
    path: str | os.PathLike,
) -> tuple[dict[str, np.ndarray], list[tuple[np.ndarray, np.ndarray]], int | None, str]:
    """Reads the initializers of an ONNX graph; the graph is not run.

    PyTorch's exporter keeps the names of the state dict. Where it folds a batch normalisation into
    the convolution before it, the result has a number for a name.

    Example:
        >>> named, folded, bins, toolkit = read_onnx("model.onnx")

    Args:
        path: Path of the ONNX file, in which the weights lie, not beside it.

    Returns:
        The named tensors, and the kernel and bias of every folded convolution. These come in the
        order in which the graph has them, which is the one in which they run. Then come the number
        of mel filters that the graph's input has, or None where it states none, and the toolkit,
        "wespeaker" or "3dspeaker". That is empty where neither the properties that sherpa-onnx
        reads nor the name of the input tell it.

    Raises:
        InputError: The package onnx is missing, or the file is no ONNX model or broken.
    """
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ImportError as error:
        raise InputError(
            f"{path}: ONNX files need the package onnx; pip install 'tfsv[import]'"
        ) from error
    try:
        model = onnx.load_model_from_string(whole(path, _LARGEST))
        graph = model.graph
        arrays = {x.name: _array(onnx, x, path) for x in graph.initializer}
        convolutions = (x.input for x in graph.node if x.op_type == "Conv" and len(x.input) == 3)
        folded = [
            (arrays.pop(kernel), arrays.pop(bias))
            for _, kernel, bias in convolutions
            if _is_numbered(kernel)
        ]
        named = {name: array for name, array in arrays.items() if not _is_numbered(name)}
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    except InputError:
        raise
    except (DecodeError, ValueError, TypeError, KeyError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise InputError(f"{path}: not an ONNX model, or broken ({reason:.100})") from error
    return named, folded, _bins(graph), _toolkit(model)


def _toolkit(model) -> str:
    """The toolkit that the file's properties name, or whose exporter has this input. Or empty."""
    said = {x.key: x.value for x in model.metadata_props}.get("framework", "")
    inputs = [x.name for x in _inputs(model.graph)]
    return _FRAMEWORKS.get(said.lower()) or (_INPUTS.get(inputs[0], "") if inputs else "")


def _inputs(graph) -> list:
    weights = {x.name for x in graph.initializer}
    return [x for x in graph.input if x.name not in weights]


def _bins(graph) -> int | None:
    """The last axis of the only input, if that is features [batch, frames, bins]."""
    shapes = [x.type.tensor_type.shape.dim for x in _inputs(graph)]
    if len(shapes) != 1 or len(shapes[0]) != 3:
        return None
    return shapes[0][2].dim_value or None


def _array(onnx, initializer, path: str | os.PathLike) -> np.ndarray:
    if initializer.data_location == onnx.TensorProto.EXTERNAL:
        raise InputError(
            f"{path}: its weights are in another file; save the model as one (onnx.save_model"
            " with save_as_external_data=False)"
        )
    array = onnx.numpy_helper.to_array(initializer)
    return array.astype(np.float32) if array.dtype.kind == "f" else array


def _is_numbered(name: str) -> bool:
    """Whether the exporter made the name, such as "onnx::Conv_123" or "123"."""
    return name.rpartition("_")[2].isdigit() and (name.isdigit() or name.startswith("onnx::"))
