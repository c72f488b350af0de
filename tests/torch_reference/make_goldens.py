"""Writes what PyTorch makes of random networks and features.

    python3 tests/torch_reference/make_goldens.py tests/torch_reference/goldens --files --exports

`goldens.npz` has the shapes of every network's state dict and its embeddings; the weights are those
of `random_weights`. `--files` also writes small checkpoints, `--exports` ONNX files, as PyTorch
makes them, and the embeddings of their networks.
"""

import json
import pathlib
import sys

import networks
import numpy as np
import torch
from random_weights import random_features, random_tensor, random_waveform

FRAMES = 31
LONG = {"campplus": 431}  # frames; three segments, the last of which is short
CASES = {
    "resnet18": ("wespeaker_resnet18", networks.ResNet, (32, 80, 256), {}),
    "resnet34": ("wespeaker_resnet34", networks.ResNet, (8, 40, 16), {}),
    "resnet50": ("wespeaker_resnet50", networks.ResNet, (8, 80, 16), {}),
    "resnet101": ("wespeaker_resnet101", networks.ResNet, (4, 80, 16), {}),
    "resnet152": ("wespeaker_resnet152", networks.ResNet, (4, 80, 16), {}),
    "resnet221": ("wespeaker_resnet221", networks.ResNet, (4, 80, 16), {}),
    "resnet293": ("wespeaker_resnet293", networks.ResNet, (4, 80, 16), {}),
    "gemini60": ("wespeaker_gemini60", networks.Gemini, (32, 80, 256), {}),
    "gemini114": ("wespeaker_gemini114", networks.Gemini, (8, 80, 16), {}),
    "gemini183": ("wespeaker_gemini183", networks.Gemini, (4, 80, 16), {}),
    "gemini237": ("wespeaker_gemini237", networks.Gemini, (4, 80, 16), {}),
    "resnet34_two_layers": (
        "wespeaker_resnet34_two_layers", networks.ResNet, (8, 80, 16), {"two_layers": True}
    ),
    "resnet50_two_layers": (
        "wespeaker_resnet50_two_layers", networks.ResNet, (4, 80, 16), {"two_layers": True}
    ),
    "gemini60_two_layers": (
        "wespeaker_gemini60_two_layers", networks.Gemini, (4, 80, 16), {"two_layers": True}
    ),
    "simam34": ("wespeaker_simam_resnet34", networks.Simam, (4, 40, 16), {}),
    "simam100": ("wespeaker_simam_resnet100", networks.Simam, (4, 80, 16), {}),
    "xvector": ("wespeaker_xvector", networks.XVector, (16, 40, 24), {}),
    "ecapa_glob": ("wespeaker_ecapa512", networks.Ecapa, (512, 80, 192), {}),
    "ecapa": ("wespeaker_ecapa1024", networks.Ecapa, (64, 72, 16), {"context": False}),
    "ecapa_norm": ("wespeaker_ecapa512_norm", networks.Ecapa, (512, 80, 192), {"emb_bn": True}),
    "ecapa_local_norm": (
        "wespeaker_ecapa1024_norm", networks.Ecapa, (64, 72, 16), {"context": False, "emb_bn": True}
    ),
    "speechbrain": ("speechbrain_ecapa512", networks.SpeechBrainEcapa, (512, 80, 192), {}),
    "speechbrain_narrow": ("speechbrain_ecapa1024", networks.SpeechBrainEcapa, (64, 72, 16), {}),
    "campplus": ("3dspeaker_campplus", networks.CamPlusPlus, (128, 80, 192), {}),
    "campplus_astp": (
        "wespeaker_campplus",
        networks.CamPlusPlus,
        (32, 40, 16),
        {"attention": True},
    ),
    "eres2net": ("3dspeaker_eres2net", networks.ERes2Net, (32, 80, 192), {}),
    "eres2net_huge": ("3dspeaker_eres2net_huge", networks.ERes2Net, (8, 40, 16), {}),
    "eres2net_we": ("wespeaker_eres2net", networks.ERes2Net, (8, 40, 16), {"wespeaker": True}),
    "eres2net_we_aug": (
        "wespeaker_eres2net_huge",
        networks.ERes2Net,
        (8, 40, 16),
        {"wespeaker": True},
    ),
    "eres2netv2": ("3dspeaker_eres2netv2", networks.ERes2Net, (16, 80, 16), {}),
    "eres2netv2_w24s4ep4": ("3dspeaker_eres2netv2_w24s4ep4", networks.ERes2Net, (8, 40, 16), {}),
    "redimnet2_b0": (
        "palabra_redimnet2_b0", networks.ReDimNet2, (12, 72, 192), {"head": "image"}
    ),
    "redimnet2_b1": ("palabra_redimnet2_b1", networks.ReDimNet2, (16, 72, 192), {}),
    "redimnet2_b2": ("palabra_redimnet2_b2", networks.ReDimNet2, (20, 72, 192), {}),
    "redimnet2_b3": ("palabra_redimnet2_b3", networks.ReDimNet2, (24, 72, 192), {}),
    "redimnet2_b4": ("palabra_redimnet2_b4", networks.ReDimNet2, (32, 72, 192), {}),
    "redimnet2_b5": (
        "palabra_redimnet2_b5", networks.ReDimNet2, (48, 72, 192),
        {"head": "image", "outputs": 256},
    ),
    "redimnet2_we_b0": (
        "wespeaker_redimnet2_b0", networks.ReDimNet2, (12, 72, 192), {"head": "time"}
    ),
    "redimnet2_we_b1": (
        "wespeaker_redimnet2_b1", networks.ReDimNet2, (16, 72, 192), {"head": "time"}
    ),
    "redimnet2_we_b2": (
        "wespeaker_redimnet2_b2", networks.ReDimNet2, (20, 72, 192), {"head": "time"}
    ),
    "redimnet2_we_b3": (
        "wespeaker_redimnet2_b3", networks.ReDimNet2, (24, 72, 192),
        {"head": "time", "like": "b0"},
    ),
    "redimnet2_we_b4": ("wespeaker_redimnet2_b4", networks.ReDimNet2, (32, 72, 192), {}),
    "redimnet2_we_b5": (
        "wespeaker_redimnet2_b5", networks.ReDimNet2, (48, 72, 192),
        {"head": "time", "outputs": 256},
    ),
    "ge2e": ("resemblyzer_ge2e", networks.Ge2e, (64, 40, 48), {}),
}  # fmt: skip
"""Family, module, (channels, bins, embedding size), further arguments."""

UTTERANCES = ((400, 0.1), (19_999, 0.001), (25_599, 0.3), (44_000, 0.01), (70_000, 0.2))
"""Samples and amplitudes."""


def filled(network):
    """The network with random weights and statistics, ready to run."""
    tensors = {
        name: torch.from_numpy(random_tensor(name, tuple(tensor.shape)))
        for name, tensor in network.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    network.load_state_dict(tensors, strict=False)
    return network.eval()


def golden(module, name, sizes, arguments, frames):
    """Shapes of the state dict, and embeddings."""
    network = filled(module(name, *sizes, **arguments))
    shapes = {name: list(tensor.shape) for name, tensor in network.state_dict().items()}
    with torch.no_grad():
        return shapes, network(torch.from_numpy(random_features(frames, sizes[1]))).numpy()


def write_goldens(path):
    arrays, table = {}, {}
    for case, (family, module, sizes, arguments) in CASES.items():
        name = family.split("_", 1)[1].removesuffix("_two_layers").replace("simam_resnet", "simam")
        frames = LONG.get(case, FRAMES)
        shapes, arrays[case] = golden(module, name, sizes, arguments, frames)
        table[case] = {"family": family, "bins": sizes[1], "frames": frames, "shapes": shapes}
    features = torch.from_numpy(random_features(FRAMES, 16))
    with torch.no_grad():
        arrays |= {f"small_{k}": x(features).numpy() for k, x in small_networks().items()}
    arrays |= utterances()
    np.savez_compressed(path, table=np.frombuffer(json.dumps(table).encode(), np.uint8), **arrays)


def utterances():
    """Embeddings of waveforms, and features of one."""
    _, module, sizes, _ = CASES["ge2e"]
    network = filled(module("ge2e", *sizes))
    waveforms = [torch.from_numpy(random_waveform(*utterance)) for utterance in UTTERANCES]
    with torch.no_grad():
        embeddings = torch.stack([network.utterance(waveform) for waveform in waveforms])
    mels = networks.mel_powers(waveforms[1], sizes[1])
    return {
        "ge2e_utterances": embeddings.numpy(),
        "ge2e_mel_powers": mels.numpy(),
        "redimnet2_features": networks.normalised_mel(waveforms[1], 72).numpy(),
    }


def small_networks():
    """The networks of the files; they take 16 bins."""
    return {
        "resnet18": filled(networks.ResNet("resnet18", 1, 16, 4)),
        "gemini60": filled(networks.Gemini("gemini60", 1, 16, 4)),
        "ecapa": filled(networks.Ecapa("ecapa512", 8, 16, 4)),
    }


def write_files(folder):
    """State dicts in both formats, and kinds of numbers."""
    state = small_networks()["resnet18"].state_dict()
    torch.save(state, folder / "resnet18.pt")
    wrapped = {f"module.{name}": tensor for name, tensor in state.items()}
    wrapped["module.projection.weight"] = torch.nn.Parameter(torch.ones(3, 4))
    checkpoint = {"epoch": 7, "loss": 0.5, "state_dict": wrapped}
    torch.save(checkpoint, folder / "legacy.pt", _use_new_zipfile_serialization=False)
    numbers = torch.arange(-6, 6)
    kinds = ("double", "float", "half", "bfloat16", "long", "int", "short", "char", "bool")
    tensors = {kind: getattr(numbers, kind)().reshape(3, 4) for kind in kinds}
    tensors["byte"] = numbers.abs().byte()
    tensors["transposed"] = tensors["float"].T
    tensors["part"] = tensors["float"][1:, 2]
    tensors["scalar"] = torch.tensor(2.5)
    torch.save(tensors, folder / "kinds.pt")


def write_exports(folder):
    """ONNX files."""
    features = torch.from_numpy(random_features(FRAMES, 16))
    for name, network in small_networks().items():
        torch.onnx.export(
            network, features, str(folder / f"{name}.onnx"), opset_version=14,
            input_names=["feats"], output_names=["embs"],
            dynamic_axes={"feats": {0: "B", 1: "T"}, "embs": {0: "B"}},
        )  # fmt: skip


if __name__ == "__main__":
    torch.set_num_threads(1)
    output = pathlib.Path(sys.argv[1])
    write_goldens(output / "goldens.npz")
    if "--files" in sys.argv:
        write_files(output)
    if "--exports" in sys.argv:
        write_exports(output)
