"""Prints the peak memory, in bytes, of a network, its training and two steps.

    python benchmarks/training_memory.py kmeans@4 resnet34 32 32 2.0 1000

`training.py` starts it for each of its schemes: scheme and bits (or "float"), network, channels,
crops of a batch, seconds of a crop, classes. What the imports take is not counted.
"""

import sys

from peak_memory import peak_memory
from training_step import Sizes, TrainingStep

_STEPS = 2  # the first has the tracing, the second what is left of it


def main(scheme: str, network: str, channels: str, batch: str, seconds: str, classes: str) -> None:
    sizes = Sizes(network, int(channels), int(batch), float(seconds), int(classes))

    def work() -> None:
        step = TrainingStep(scheme, sizes)
        for _ in range(_STEPS):
            step()

    print(peak_memory(work))


if __name__ == "__main__":
    main(*sys.argv[1:])
