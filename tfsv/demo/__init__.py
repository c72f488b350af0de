"""Models that come with tfsv, so that two recordings can be compared before anything is trained.

`tfsv.load("demo")` is a ResNet18 whose weights are 4-bit codes; "demo_2bit" and "demo_1bit" are
siblings of the same float parent. Their cards say what they were trained on and how often they err.
A few hundred speakers in short recordings make a demonstration, not a product. For real use import
a network that was trained on VoxCeleb, with `tfsv import`.

"demo_separator" takes one talker out of what a line of 15 microphones hears (`tfsv separate`).

`configs/demo.flags` and `configs/demo_separator.flags` have the commands that made them, and
`NOTICE` names the corpora.
"""

import os
import pathlib

__all__ = ["MODELS", "SEPARATOR", "located"]

SEPARATOR = "demo_separator"
"""Name of the separator, which is asked where none is named."""

MODELS = {
    "demo": "demo_4bit.tflite",
    "demo_2bit": "demo_2bit.tflite",
    "demo_1bit": "demo_1bit.tflite",
    SEPARATOR: "separator_4bit.tflite",
}
"""Files in this folder by the name of the model."""


def located(model: str | os.PathLike) -> str | os.PathLike:
    """The file of a model of `MODELS`, or any other name or path as it was given.

    A model folder of one's own that has such a name is `./demo`.

    Example:
        >>> located("demo").name, located("model.tflite")
        ('demo_4bit.tflite', 'model.tflite')
    """
    file = MODELS.get(os.fspath(model))
    return model if file is None else pathlib.Path(__file__).with_name(file)
