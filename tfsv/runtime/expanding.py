"""Packed files written as the plain ones that they expand to."""

import os

from ai_edge_litert.interpreter import Interpreter

from tfsv.errors import InputError
from tfsv.files import write_bytes
from tfsv.packed import expand, flatbuffer, seal
from tfsv.packed.graph_rules import check_graph
from tfsv.packed.record import RECORD_ENTRY
from tfsv.runtime.model_files import read_model, unsound


def write_expanded(path: str | os.PathLike, output: str | os.PathLike) -> int:
    """Writes a packed file as the plain one that it expands to, which anything runs at full speed.

    The record of the packed layers is left out and the file is sealed again, so that tfsv opens it
    too. All else is what `tfsv.packed.expand.expand` gives.

    Args:
        path: A packed file.
        output: The file to write.

    Returns:
        Bytes of the written file.

    Raises:
        InputError: `path` is not packed or not sound, or `output` cannot be written.

    Example:
        >>> size = write_expanded("model.tflite", "plain.tflite")
    """
    content = read_model(path)
    try:
        if not expand.is_packed(content):
            raise InputError(f"{path}: has no packed layers, so there is nothing to expand")
        plain = expand.expand(content)
        check_graph(plain)
        Interpreter(model_content=plain)
    except InputError:
        raise
    except (RuntimeError, ValueError) as error:
        raise unsound(path, error) from error
    model = flatbuffer.parse(plain)
    model.metadata = [entry for entry in model.metadata if entry.name != RECORD_ENTRY.encode()]
    flatbuffer.set_metadata(model, seal.SEAL_ENTRY, seal.BLANK)
    named = {
        index: tensor.name for index, tensor in enumerate(model.subgraphs[0].tensors) if tensor.name
    }
    flatbuffer.compact(model, named)
    plain = seal.seal(flatbuffer.serialise(model))
    write_bytes(output, plain)
    return len(plain)
