"""Which layers lose their batch normalisation when an exporter folds it, and when they run."""

import re

import tf_keras as keras

from tfsv.kernel_layers import kernel_layer

_PARTS = ("expand", "depthwise", "reduce", "conv1", "conv2", "res", "conv3", "shortcut")
_LAST = 99  # behind every block and stage
_IN_STAGE = re.compile(
    r"(?:stage|block|transit)(?P<stage>\d)_?(?:(?:block|layer)(?P<block>\d+)_)?(?P<part>.*)"
)


def folding_pairs(
    network: keras.Model,
) -> list[tuple[keras.layers.Layer, keras.layers.BatchNormalization]]:
    """Layers with kernels and the batch normalisation that alone reads each, as they run.

    PyTorch's exporter folds these, and only these. It gives what is folded numbers for names, in
    the order of computation.

    Example:
        >>> pairs = folding_pairs(build_network("resnet18"))
        >>> [layer.name for layer in pairs[0]]
        ['stem', 'stem_norm']

    Args:
        network: A network of tfsv, whose names of layers tell the order.
    """
    pairs = []
    for layer in network.layers:
        readers = [node.outbound_layer for node in layer.outbound_nodes]
        if kernel_layer(layer) and len(readers) == 1:
            (reader,) = readers
            if isinstance(reader, keras.layers.BatchNormalization):
                pairs.append((layer, reader))
    return sorted(pairs, key=lambda pair: _running_order(pair[0].name))


def _running_order(name: str) -> tuple[int, ...]:
    """The place of a layer in the order of computation."""
    ends = {"stem": 0, "downsampling": 10, "tdnn": 11, "embedding": _LAST}
    if name in ends:
        return (ends[name],)
    found = _IN_STAGE.fullmatch(name)
    stage = int(found["stage"]) + (0 if name.startswith("stage") else 20)
    if found["block"] is None:  # of the whole stage
        first = found["part"].startswith("downsampling")
        return (stage, 0 if first else _LAST, *_place(found["part"]))
    return (stage, int(found["block"]), *_place(found["part"]))


def _place(part: str) -> tuple[int, ...]:
    """The place of a part within a block. The attention before group 2 comes behind group 1."""
    if fusion := re.fullmatch(r"fusion(\d*)_(squeeze|excitation)", part):
        number = int(fusion[1] or 0)
        return (_PARTS.index("res"), number, 1 + (fusion[2] == "excitation"))
    if group := re.fullmatch(r"res(\d+)", part):
        return (_PARTS.index("res"), int(group[1]), 0)
    return (_PARTS.index(part), 0, 0) if part in _PARTS else (0, 0, 0)
