"""Time of one processor and peak memory of a calibration.

    python benchmarks/calibration_cost.py --network=resnet34 --channels=32 --bins=80 --bits=3

Weights are random, inputs too: what they are does not matter for the cost. What the imports take is
told apart.
"""

import time

import numpy as np
from absl import app, flags
from peak_memory import peak_memory

from tfsv.models import build_network
from tfsv.quantization.calibration import quantize_on

_NETWORK = flags.DEFINE_string("network", "resnet34", "Network.")
_CHANNELS = flags.DEFINE_integer("channels", 32, "Width of its first layers.")
_BINS = flags.DEFINE_integer("bins", 80, "Mel filters.")
_BITS = flags.DEFINE_integer("bits", 3, "Width of the codes.")
_CROPS = flags.DEFINE_integer("crops", 256, "Crops.")
_FRAMES = flags.DEFINE_integer("frames", 198, "Frames of a crop.")
_BATCH = flags.DEFINE_integer("batch_size", 16, "Crops in a batch.")


def main(arguments: list[str]) -> None:
    """Calibrates once and prints what it took."""
    del arguments
    random = np.random.default_rng(0)
    network = build_network(_NETWORK.value, channels=_CHANNELS.value, bins=_BINS.value)
    shape = (_BATCH.value, _FRAMES.value, _BINS.value)
    batches = [
        random.normal(size=shape).astype(np.float32) for _ in range(_CROPS.value // _BATCH.value)
    ]
    start = time.process_time()
    peak = peak_memory(lambda: quantize_on(network, _BITS.value, batches))
    print(
        f"{_NETWORK.value}: {time.process_time() - start:.0f} s of a processor, {peak / 1e9:.2f} GB"
        f" beside the {process_bytes() / 1e9 - peak / 1e9:.2f} GB of TensorFlow and the network"
    )


def process_bytes() -> int:
    """Peak bytes of the whole process."""
    with open("/proc/self/status") as status:
        (line,) = (line for line in status if line.startswith("VmHWM:"))
    return 1024 * int(line.split()[1])


if __name__ == "__main__":
    app.run(main)
