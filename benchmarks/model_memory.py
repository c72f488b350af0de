"""Prints the peak memory, in bytes, of loading one model and running it once.

    python benchmarks/model_memory.py tflite 32240 model.tflite

`latency.py` starts it for each of its candidates: a process that does nothing else and imports what
a user of the file would, no TensorFlow. What the imports take is not counted.
"""

import pathlib
import sys

import numpy as np
from peak_memory import peak_memory


def main(runtime: str, samples: str, *paths: str) -> None:
    waveform = np.random.default_rng(0).normal(0, 0.1, (1, int(samples))).astype(np.float32)
    if runtime == "onnx":
        import onnxruntime

        def work() -> None:
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = 1
            session = onnxruntime.InferenceSession(paths[0], options)
            session.run(None, {"waveform": waveform})

    else:
        from ai_edge_litert.interpreter import Interpreter

        from tfsv.packed.expand import expand

        def work() -> None:
            interpreters, values = [], waveform
            for path in paths:
                content = pathlib.Path(path).read_bytes()
                if runtime == "expanded":
                    content = expand(content)
                interpreter = Interpreter(model_content=content, num_threads=1)
                interpreters.append(interpreter)
                index = interpreter.get_input_details()[0]["index"]
                interpreter.resize_tensor_input(index, values.shape)
                interpreter.allocate_tensors()
                interpreter.set_tensor(index, values)
                interpreter.invoke()
                values = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])

    print(peak_memory(work))


if __name__ == "__main__":
    main(*sys.argv[1:])
