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


def kernel_tensor(model, name):
    """Index and record of the tensor of a layer's kernel."""
    (index,) = [i for i, t in enumerate(model.subgraphs[0].tensors) if t.name == name.encode()]
    return index, model.subgraphs[0].tensors[index]
