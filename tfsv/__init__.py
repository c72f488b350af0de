"""tfsv: speaker verification small enough for a phone."""

import os

__version__ = "0.1.0"


def load(path: str | os.PathLike, *, threads: int = 1):
    """Opens an exported model: `tfsv.load("model.tflite").embed(waveform)`.

    Args:
        path: A `.tflite` file that `tools/export_tflite.py` wrote, or the name of a model that
            comes with tfsv: "demo", "demo_2bit" or "demo_1bit"; see `tfsv.demo`.
        threads: Of the interpreter.

    Returns:
        A `tfsv.runtime.model_files.TFLiteEmbedder`. TensorFlow is not imported.

    Raises:
        InputError: The file is missing or not such a model.
    """
    from tfsv.demo import located
    from tfsv.verification.tflite_embedder import TFLiteEmbedder

    return TFLiteEmbedder(located(path), threads=threads)
