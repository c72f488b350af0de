"""What tests of exported files do with them."""

import numpy as np


def waveform(samples, seed=0):
    """White noise, float32 `[samples]`."""
    return np.random.default_rng(seed).normal(0, 0.1, samples).astype(np.float32)


def run(interpreter, sound):
    """The embedding of a waveform, after resizing the input to it."""
    index = interpreter.get_input_details()[0]["index"]
    interpreter.resize_tensor_input(index, [1, len(sound)])
    interpreter.allocate_tensors()
    interpreter.set_tensor(index, sound[np.newaxis])
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0]


def undelegated(interpreter):
    """Names of the operators that XNNPACK did not take, in the graph's order."""
    operators = interpreter._get_ops_details()
    plain = [x for x in operators if x["op_name"] != "DELEGATE"]
    producer = {tensor: x for x in plain for tensor in x["outputs"]}
    taken = set()
    for delegate in (x for x in operators if x["op_name"] == "DELEGATE"):
        todo = list(delegate["outputs"])
        while todo:
            tensor = todo.pop()
            if tensor in producer and tensor not in delegate["inputs"]:
                taken.add(producer[tensor]["index"])
                todo += [x for x in producer[tensor]["inputs"] if x >= 0]
    return [x["op_name"] for x in plain if x["index"] not in taken]


def kernel_tensor(model, name):
    """Index and record of the tensor of a layer's kernel."""
    (index,) = [i for i, t in enumerate(model.subgraphs[0].tensors) if t.name == name.encode()]
    return index, model.subgraphs[0].tensors[index]
