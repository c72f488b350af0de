"""Names of a TFLite model's inputs and outputs, read from a file of any origin."""

from collections.abc import Sequence

from tfsv.packed import fields
from tfsv.packed.reader import TableReader, TableVector


def named_ends(content: bytes) -> tuple[dict[str, int], dict[str, int]]:
    """Finds the tensors that a model takes and gives, by name.

    The names are those of the file's first signature. A file without a signature has the names of
    its tensors.

    Example:
        >>> inputs, outputs = named_ends(content)
        >>> list(inputs), list(outputs)
        (['waveform'], ['embedding'])

    Args:
        content: A whole TFLite file, of any origin.

    Returns:
        Index of the tensor by name, for the inputs and for the outputs, in the graph's order.

    Raises:
        ValueError: The flatbuffer is damaged, or an input or output has no name of its own.
    """
    model = TableReader.root(content)
    graph = model.tables(fields.MODEL_SUBGRAPHS)[0]
    tensors = graph.tables(fields.GRAPH_TENSORS)
    signatures = model.tables(fields.MODEL_SIGNATURES)
    found = []
    for graph_field, signature_field in (
        (fields.GRAPH_INPUTS, fields.SIGNATURE_INPUTS),
        (fields.GRAPH_OUTPUTS, fields.SIGNATURE_OUTPUTS),
    ):
        indices = graph.numbers(graph_field, "<i4").tolist()
        if len(signatures):
            named = _from_signature(signatures[0].tables(signature_field), indices)
        else:
            named = [(_text(tensors[index], fields.TENSOR_NAME), index) for index in indices]
        names = dict(named)
        if len(names) < len(named) or "" in names or set(names.values()) != set(indices):
            raise ValueError("inputs or outputs without names of their own")
        found.append(names)
    return found[0], found[1]


def _from_signature(entries: TableVector, indices: Sequence[int]) -> list[tuple[str, int]]:
    """Names and tensors of a signature, which sorts them by name, in the graph's order."""
    named = [
        (_text(entry, fields.ENTRY_NAME), entry.number(fields.ENTRY_TENSOR)) for entry in entries
    ]
    place = {index: number for number, index in enumerate(indices)}
    return sorted(named, key=lambda entry: place.get(entry[1], 0))


def _text(table: TableReader, field: int) -> str:
    start, end = table.span(field) or (0, 0)
    return bytes(table.content[start:end]).decode()
