"""Which operators of a model run in XNNPACK, whose kernels are the fast ones."""

from ai_edge_litert.interpreter import Interpreter


def operators_left(interpreter: Interpreter) -> list[str]:
    """Names of the operators that XNNPACK did not take, in the graph's order.

    A delegate stands in the list of operators as one more, beside those that it replaced. The
    replaced ones are those that lie between its outputs and its inputs.

    Example:
        >>> interpreter = Interpreter(model_path="plain.tflite")
        >>> interpreter.allocate_tensors()
        >>> "RFFT2D" in operators_left(interpreter)
        True

    Args:
        interpreter: An interpreter that has allocated its tensors.
    """
    operators = interpreter._get_ops_details()
    plain = [operator for operator in operators if operator["op_name"] != "DELEGATE"]
    maker = {tensor: operator for operator in plain for tensor in operator["outputs"]}
    taken = set()
    for delegate in (operator for operator in operators if operator["op_name"] == "DELEGATE"):
        inputs, todo = set(delegate["inputs"]), list(delegate["outputs"])
        while todo:
            tensor = todo.pop()
            if tensor in maker and tensor not in inputs | taken:
                taken.add(tensor)
                todo += list(maker[tensor]["inputs"])
    return [operator["op_name"] for operator in plain if taken.isdisjoint(operator["outputs"])]
