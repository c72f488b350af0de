"""Makes a model folder of a network that another toolkit trained.

    tfsv import --checkpoint=avg_model.pt --output=models/resnet34

The toolkits are WeSpeaker, SpeechBrain, 3D-Speaker and Resemblyzer. The command reads a state dict
of PyTorch (.pt, .pth, .ckpt), a .safetensors or an .onnx file; nothing in it is executed. The
family is found out from the tensors where --family is not given. The folder is one that `tfsv
evaluate`, `tfsv export` and `tfsv train --start` take. No threshold is known for it before `tfsv
evaluate --calibrate` has measured it.

A file may hold several networks, such as a moving average beside the last state; --key names one.
Tensors that find no place in the network are listed, and --leave_out names those that may go.
Tensors do not always tell how many mel filters a network takes and which statistics it pools. The
config.yaml that WeSpeaker leaves beside the checkpoint says both, and --bins or --pooling do.
"""

import pathlib
from typing import Any

from absl import flags

from tfsv.commands.running import Command


def _define(values: flags.FlagValues) -> None:
    from tfsv.models.name_maps import FAMILIES

    flags.DEFINE_string(
        "checkpoint", None, "File with the weights.", required=True, flag_values=values
    )
    flags.DEFINE_string("family", None, f"One of {', '.join(FAMILIES)}.", flag_values=values)
    flags.DEFINE_string(
        "key", None, "Where in the file the tensors lie, e.g. ema.", flag_values=values
    )
    flags.DEFINE_integer(
        "bins", None, "Mel filters that it was trained with.", lower_bound=1, flag_values=values
    )
    flags.DEFINE_string(
        "pooling", None, "Pooling that it was trained with, e.g. tstp, mean (TAP) or tsdp.",
        flag_values=values,
    )  # fmt: skip
    flags.DEFINE_list(
        "leave_out", [], "Tensors to leave out: names or words before a dot, e.g. projection_head.",
        flag_values=values,
    )  # fmt: skip
    flags.DEFINE_string("output", None, "Model folder to write.", required=True, flag_values=values)
    flags.DEFINE_string(
        "trained_on", "", "Corpora that it was trained on, in words.", flag_values=values
    )


def main(values: Any, arguments: list[str]) -> None:
    """Imports the checkpoint that the flags name."""
    from tfsv.card import package_versions
    from tfsv.files import sha256_of, writable_folder
    from tfsv.models.parts import TOP, shown
    from tfsv.models.pretrained import import_checkpoint
    from tfsv.run_lock import alone_in
    from tfsv.tasks.model_folder import save_model
    from tfsv.verification.model_card import speaker_card

    path = pathlib.Path(values.checkpoint)
    imported = import_checkpoint(
        path,
        values.family,
        key=values.key,
        bins=values.bins,
        pooling=values.pooling,
        leave_out=values.leave_out,
    )
    part = f", {imported.key} in it," if imported.key not in ("", TOP) else ""
    source = f"Imported from {path.name}{part} (sha256 {sha256_of(path)}) as {imported.family}."
    card = speaker_card(
        imported.settings,
        imported.front_end,
        trained_on=values.trained_on,
        versions=package_versions(),
        notes=f"{source} {imported.notes}".strip(),
    )
    with alone_in(writable_folder(values.output)):
        save_model(values.output, imported.network, card)
    sizes = imported.settings
    print(
        f"{values.output}: {imported.family}, {sizes.channels} channels, {sizes.bins} mel"
        f" filters, pooling {sizes.pooling}, embeddings of {sizes.embedding_size},"
        f" {imported.network.count_params():,} numbers;"
        f" {len(imported.ignored)} tensors that embeddings do not need left out"
    )
    if imported.told:
        print(f"pooling and mel filters: {imported.told}")
    if part:
        print(f"read: {imported.key}")
    if left := [name for name in imported.ignored if not name.endswith("num_batches_tracked")]:
        print(f"left out: {shown(left)}")
    if imported.notes:
        print(f"note: {imported.notes}")


command = Command("import", __doc__, _define, main)
