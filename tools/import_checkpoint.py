"""Makes a model folder of a network that WeSpeaker or SpeechBrain trained.

    python tools/import_checkpoint.py --checkpoint=avg_model.pt --output=models/resnet34

reads a state dict of PyTorch (.pt, .pth, .ckpt), a .safetensors or an .onnx file; nothing in it is
executed. The family is found out from the tensors where --family is not given. The folder is one
that tools/evaluate.py, tools/export_tflite.py and tools/train.py --start take. No threshold is
known for it before tools/evaluate.py --calibrate has measured it.
"""

import pathlib
from collections.abc import Sequence

from absl import flags

from tfsv import command
from tfsv.card import ModelCard, package_versions
from tfsv.errors import InputError
from tfsv.files import sha256_of
from tfsv.models.name_maps import FAMILIES
from tfsv.models.pretrained import Imported, import_checkpoint
from tfsv.tasks.model_folder import save_model

_CHECKPOINT = flags.DEFINE_string("checkpoint", None, "File with the weights.")
_FAMILY = flags.DEFINE_string("family", None, f"One of {', '.join(FAMILIES)}.")
_OUTPUT = flags.DEFINE_string("output", None, "Model folder to write.")
_TRAINED_ON = flags.DEFINE_string("trained_on", "", "Corpora that it was trained on, in words.")
flags.mark_flags_as_required(["checkpoint", "output"])


def main(arguments: Sequence[str]) -> None:
    """Imports the checkpoint that the flags name."""
    if arguments:
        raise InputError(f"unexpected argument {arguments[0]!r}; see --help")
    path = pathlib.Path(_CHECKPOINT.value)
    imported = import_checkpoint(path, _FAMILY.value)
    save_model(_OUTPUT.value, imported.network, _card(imported, path))
    settings = imported.settings
    print(
        f"{_OUTPUT.value}: {imported.family}, {settings.channels} channels, {settings.bins} mel"
        f" filters, embeddings of {settings.embedding_size},"
        f" {imported.network.count_params():,} numbers;"
        f" {len(imported.ignored)} tensors that embeddings do not need left out"
    )
    if imported.notes:
        print(f"note: {imported.notes}")


def _card(imported: Imported, path: pathlib.Path) -> ModelCard:
    source = f"Imported from {path.name} (sha256 {sha256_of(path)}) as {imported.family}."
    return ModelCard(
        network=imported.settings.name,
        channels=imported.settings.channels,
        bins=imported.settings.bins,
        embedding_size=imported.settings.embedding_size,
        pooling=imported.settings.pooling,
        front_end=imported.front_end,
        trained_on=_TRAINED_ON.value,
        versions=package_versions(),
        notes=f"{source} {imported.notes}".strip(),
    )


if __name__ == "__main__":
    command.run(main)
