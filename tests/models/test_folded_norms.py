"""Batch normalisations that an exporter folded: which, in what order, and that nothing changes."""

import numpy as np
import pretrained_goldens as goldens
import pytest

from tfsv.models.checkpoints import Checkpoint
from tfsv.models.onnx_files import read_onnx
from tfsv.models.pretrained import from_checkpoint


def folded(tensors, pairs):
    """The tensors without those pairs of layer and normalisation, and the pairs' kernels."""
    tensors, kernels = dict(tensors), []
    for layer, norm in pairs:
        kernel = tensors.pop(f"{layer}.weight")
        bias = tensors.pop(f"{layer}.bias", 0)
        mean, variance = (tensors.pop(f"{norm}.running_{x}") for x in ("mean", "var"))
        gain = tensors.pop(f"{norm}.weight", 1) / np.sqrt(variance + 1e-5)
        bias = (bias - mean) * gain + tensors.pop(f"{norm}.bias", 0)
        kernel = kernel * gain.reshape(-1, *[1] * (kernel.ndim - 1))
        kernels.append((kernel.astype("f4"), bias.astype("f4")))
    return tensors, kernels


def of_campplus():
    """As PyTorch's exporter has them."""
    yield "head.conv1", "head.bn1"
    for stage in (1, 2):
        for block in (0, 1):
            start = f"head.layer{stage}.{block}"
            yield f"{start}.conv1", f"{start}.bn1"
            yield f"{start}.conv2", f"{start}.bn2"
            if block == 0:
                yield f"{start}.shortcut.0", f"{start}.shortcut.1"
    yield "head.conv2", "head.bn2"
    yield "xvector.tdnn.linear", "xvector.tdnn.nonlinear.batchnorm"
    for block, layers in ((1, 12), (2, 24), (3, 16)):
        for layer in range(1, layers + 1):
            start = f"xvector.block{block}.tdnnd{layer}"
            yield f"{start}.linear1", f"{start}.nonlinear2.batchnorm"
    yield "xvector.transit3.linear", "xvector.out_nonlinear.batchnorm"
    yield "xvector.dense.linear", "xvector.dense.nonlinear.batchnorm"


def of_eres2net(groups, wespeaker=False):
    """As PyTorch's exporter has them. The downsampling convolutions have no normalisation."""
    yield "conv1", "bn1"
    for stage, blocks in enumerate((3, 4, 6, 3), start=1):
        for block in range(blocks):
            start = f"layer{stage}.{block}"
            yield f"{start}.conv1", f"{start}.bn1"
            for group in range(groups):
                if stage > 2 and group > 0:
                    fusion = f"{start}.fuse_models.{group - 1}.local_att"
                    yield f"{fusion}.0", f"{fusion}.1"
                    yield f"{fusion}.3", f"{fusion}.4"
                index = group
                if stage > 2 and wespeaker:
                    index = group - 1
                if index < 0:
                    yield f"{start}.conv2_1", f"{start}.bn2_1"
                else:
                    yield f"{start}.convs.{index}", f"{start}.bns.{index}"
            yield f"{start}.conv3", f"{start}.bn3"
            if block == 0:
                yield f"{start}.shortcut.0", f"{start}.shortcut.1"
        if stage > 1:
            fusion = f"fuse_mode{'1234'[:stage]}.local_att"
            yield f"{fusion}.0", f"{fusion}.1"
            yield f"{fusion}.3", f"{fusion}.4"


@pytest.mark.parametrize(
    ("case", "pairs", "toolkit"),
    [
        ("campplus", of_campplus(), "3dspeaker"),
        ("eres2net_we", of_eres2net(2, wespeaker=True), "wespeaker"),
        ("eres2net_huge", of_eres2net(3), ""),
    ],
)
def test_folding_changes_no_embedding(case, pairs, toolkit):
    golden = goldens.TABLE[case]
    tensors, kernels = folded(goldens.state_dict(case), pairs)
    checkpoint = Checkpoint(tensors, kernels, bins=golden["bins"], toolkit=toolkit)
    imported = from_checkpoint(checkpoint, "x.onnx")
    assert imported.family == golden["family"] and not imported.notes
    found = imported.network(goldens.features(golden["bins"], golden["frames"])).numpy()
    assert goldens.worst_relative(found, goldens.EMBEDDINGS[case]) < 1e-4


@pytest.mark.parametrize(
    ("name", "properties", "toolkit"),
    [
        ("x", {"framework": "3d-speaker", "normalize_samples": "1"}, "3dspeaker"),
        ("feats", {"framework": "wespeaker"}, "wespeaker"),
        ("feature", {}, "3dspeaker"),
        ("feats", {}, "wespeaker"),
        ("x", {"framework": "nemo"}, ""),
    ],
)
def test_files_tell_their_toolkit(name, properties, toolkit, tmp_path):
    onnx = pytest.importorskip("onnx")
    features = onnx.helper.make_tensor_value_info(name, 1, ["B", "T", 80])
    output = onnx.helper.make_tensor_value_info("y", 1, ["B", "T", 80])
    node = onnx.helper.make_node("Relu", [name], ["y"])
    model = onnx.helper.make_model(onnx.helper.make_graph([node], "graph", [features], [output]))
    onnx.helper.set_model_props(model, properties)
    onnx.save(model, tmp_path / "x.onnx")
    assert read_onnx(tmp_path / "x.onnx") == ({}, [], 80, toolkit)
