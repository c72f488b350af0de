"""What a graph must be before an interpreter prepares it.

LiteRT verifies the flatbuffer and refuses most graphs that make no sense, but dies of operators
that lack an input. A damaged file never comes so far, for its checksum is wrong. The check is for
files that were made to harm.
"""

from tfsv.packed import fields
from tfsv.packed.reader import TableReader

_LEFT_OUT = -1  # only biases and what else comes third can be


def check_graph(content: bytes) -> None:
    """Checks what the operators of a model read and write.

    Example:
        >>> check_graph(content)
        >>> interpreter = Interpreter(model_content=content)

    Args:
        content: A whole TFLite file, of any origin.

    Raises:
        ValueError: The file has not one graph, or an operator lacks inputs or outputs, or they are
            tensors that do not exist.
    """
    graphs = TableReader.root(content).tables(fields.MODEL_SUBGRAPHS)
    if len(graphs) != 1:
        raise ValueError(f"a model of {len(graphs)} graphs")
    tensors = len(graphs[0].tables(fields.GRAPH_TENSORS))
    for operator in graphs[0].tables(fields.GRAPH_OPERATORS):
        inputs = operator.numbers(fields.OPERATOR_INPUTS, "<i4").tolist()
        outputs = operator.numbers(fields.OPERATOR_OUTPUTS, "<i4").tolist()
        if not inputs or not outputs or min(inputs[:2] + outputs) < 0:
            raise ValueError("an operator that lacks an input or output")
        if min(inputs) < _LEFT_OUT or max(inputs + outputs) >= tensors:
            raise ValueError("an operator of tensors that do not exist")
