"""Names that other toolkits give the layers of networks that tfsv has too."""

import dataclasses
from typing import Any

from tfsv.audio.sounding import SILENCE_DB

_DECIBELS = (
    "Trained on SpeechBrain's Fbank (frames centred, 400-point spectrum, filters triangular in Hz,"
    " decibels cut 80 dB below the loudest), which LogMel comes near (correlation 0.94 to 0.99 over"
    " six recordings) but does not equal: measure before use and fine-tune if need be."
)

_NAMELESS = (
    "Taken as 3D-Speaker's. WeSpeaker's CAM++ has the same names but other features, and is known"
    " by its classifier ('projection') or its config.yaml; import one that has neither as"
    " wespeaker_campplus."
)

_SILENCE = (
    "Resemblyzer cuts silence by WebRTC's detector before its encoder listens; tfsv does not, so"
    " cut long pauses from recordings. Its LSTM stays float."
)

_PROJECTION = r"(.*\.)?projection\..*"
_IGNORED = (
    r".*num_batches_tracked",
    r"(.*\.)?n_averaged",
    r"(.*\.)?(projection|classifier)\..*",
)


@dataclasses.dataclass(frozen=True)
class Layout:
    """The networks of one toolkit's module, and the places of their weights.

    Example:
        >>> layout, name = FAMILIES["wespeaker_resnet34"]
        >>> layout.networks[name]
        36

    Attributes:
        toolkit: First part of the family's name.
        networks: Names of the networks that have this layout, with a number that tells them apart.
            It is the number of convolutions over the image, of LSTM layers, or of filters in the
            stem.
        modules: Pairs of a pattern for names of our layers and the name of the toolkit's module. In
            that name `{x}` is what the group x matched. `{x_less1}` is its number less one,
            `{x_less2}` less two, `{x_plus1}` plus one, `{x_plus2}` plus two. The first pattern that
            matches counts.
        stem: Name of our first convolution, whose filters are the network's channels, or of our
            LSTM, whose units are.
        mark: Name of a tensor by which the layout is recognised.
        sign: Pattern for the name of a tensor that other layouts with the same mark have not. Those
            that have a sign come first. Empty: it has none.
        folded_mark: Name of a tensor that ONNX files keep when normalisations are folded, by which
            a layout without an image to pool is recognised then. Its inputs are counted in
            `networks`. Empty: exporters fold none.
        head: Name of our layer that takes what the pooling gives.
        image: Whether the network convolves images, and pools statistics of an image.
        image_stem: Name of our first convolution over an image that stands before a stem over time.
            Empty: there is none.
        mixture: Name of our layer whose weights count all features of a frame, which are the stem's
            filters times the mel filters. Empty: there is none.
        recurrent: Whether the stem is an LSTM.
        ignored: Patterns for names of tensors that embeddings do not need.
        adapted: Pairs of a pattern for names of our layers and a change that their weights need
            beyond transposition. The change is a key of `tfsv.models.pretrained.ADAPTATIONS`.
        front_end: Settings of `tfsv.front_ends.front_end_layer` for the features of training,
            beside `bins`.
        notes: Text for the notes of the model's card. Empty: there is nothing to say.
        doubt: Text for the notes where nothing but names of tensors told the layout. Empty: they
            are no other's.
    """

    toolkit: str
    networks: dict[str, int]
    modules: tuple[tuple[str, str], ...]
    stem: str
    mark: str
    image: bool
    sign: str = ""
    folded_mark: str = ""
    image_stem: str = ""
    mixture: str = ""
    recurrent: bool = False
    head: str = "embedding"
    ignored: tuple[str, ...] = _IGNORED
    adapted: tuple[tuple[str, str], ...] = ()
    front_end: dict[str, Any] = dataclasses.field(default_factory=dict)
    notes: str = ""
    doubt: str = ""


_BLOCK = r"stage(?P<stage>\d)_block(?P<block>\d+)"
_KALDI = {
    "low_hz": 20.0,
    "high_hz": 8000.0,
    "preemphasis": 0.97,
    "window": "hamming",
    "mean_normalise": True,
    "scale": 32768.0,
    "silence_db": SILENCE_DB,
}

_OWN_KALDI = {**_KALDI, "window": "povey", "scale": 1.0}
"""Features of 3D-Speaker: Kaldi's own window, and waveforms from -1 to 1 as they are."""

_IMAGE = (
    ("embedding|pooling_attention1", "image_statistics"),
    ("pooling_attention2", "image_scores"),
)

_TWO_LAYERS = (("segment1", "seg_1"), ("segment1_norm", "seg_bn_1"), ("embedding", "seg_2"))

_RESNET = Layout(
    toolkit="wespeaker",
    networks={
        "resnet18": 20,
        "resnet34": 36,
        "resnet50": 53,
        "resnet101": 104,
        "resnet152": 155,
        "resnet221": 224,
        "resnet293": 296,
    },
    modules=(
        ("stem", "conv1"),
        ("stem_norm", "bn1"),
        (_BLOCK + r"_conv(?P<conv>\d)", "layer{stage}.{block_less1}.conv{conv}"),
        (_BLOCK + r"_conv(?P<conv>\d)_norm", "layer{stage}.{block_less1}.bn{conv}"),
        (_BLOCK + "_shortcut", "layer{stage}.{block_less1}.shortcut.0"),
        (_BLOCK + "_shortcut_norm", "layer{stage}.{block_less1}.shortcut.1"),
        (r"pooling_attention(?P<layer>\d)", "pool.linear{layer}"),
        ("embedding", "seg_1"),
    ),
    stem="stem",
    mark="layer1.0.conv1.weight",
    image=True,
    adapted=_IMAGE,
    front_end=_KALDI,
)

_GEMINI = Layout(
    toolkit="wespeaker",
    networks={"gemini60": 59, "gemini114": 113, "gemini183": 182, "gemini237": 236},
    modules=(
        ("stem", "downsample_layers.0.0"),
        ("stem_norm", "downsample_layers.0.1"),
        (r"stage(?P<stage>\d)_downsampling", "downsample_layers.{stage}.0"),
        (r"stage(?P<stage>\d)_downsampling_norm", "downsample_layers.{stage}.1"),
        (_BLOCK + "_expand", "stages.{stage_less1}.{block_less1}.conv1"),
        (_BLOCK + "_expand_norm", "stages.{stage_less1}.{block_less1}.bn1"),
        (_BLOCK + "_depthwise", "stages.{stage_less1}.{block_less1}.conv2"),
        (_BLOCK + "_depthwise_norm", "stages.{stage_less1}.{block_less1}.bn2"),
        (_BLOCK + "_reduce", "stages.{stage_less1}.{block_less1}.conv3"),
        (_BLOCK + "_reduce_norm", "stages.{stage_less1}.{block_less1}.bn3"),
        (r"pooling_attention(?P<layer>\d)", "pool.linear{layer}"),
        ("embedding", "seg_1"),
    ),
    stem="stem",
    mark="downsample_layers.0.0.weight",
    image=True,
    adapted=_IMAGE,
    front_end=_KALDI,
)

_ECAPA = Layout(
    toolkit="wespeaker",
    networks={"ecapa512": 512, "ecapa1024": 1024},
    modules=(
        ("layer1", "layer1.conv"),
        ("layer1_norm", "layer1.bn"),
        (r"block(?P<block>\d)_conv1", "layer{block_plus1}.se_res2block.0.conv"),
        (r"block(?P<block>\d)_conv1_norm", "layer{block_plus1}.se_res2block.0.bn"),
        (
            r"block(?P<block>\d)_res(?P<res>\d)",
            "layer{block_plus1}.se_res2block.1.convs.{res_less1}",
        ),
        (
            r"block(?P<block>\d)_res(?P<res>\d)_norm",
            "layer{block_plus1}.se_res2block.1.bns.{res_less1}",
        ),
        (r"block(?P<block>\d)_conv2", "layer{block_plus1}.se_res2block.2.conv"),
        (r"block(?P<block>\d)_conv2_norm", "layer{block_plus1}.se_res2block.2.bn"),
        (r"block(?P<block>\d)_squeeze", "layer{block_plus1}.se_res2block.3.linear1"),
        (r"block(?P<block>\d)_excitation", "layer{block_plus1}.se_res2block.3.linear2"),
        ("aggregation", "conv"),
        (r"pooling_attention(?P<layer>\d)", "pool.linear{layer}"),
        ("pooling_norm", "bn"),
        ("embedding", "linear"),
    ),
    stem="layer1",
    mark="layer2.se_res2block.0.conv.weight",
    image=False,
    front_end=_KALDI,
)


def _with_two_layers(layout: Layout) -> Layout:
    """The layout of the same networks with `two_emb_layer`."""
    (statistics, change), scores = layout.adapted
    return dataclasses.replace(
        layout,
        networks={f"{name}_two_layers": number for name, number in layout.networks.items()},
        modules=(*(pair for pair in layout.modules if pair[0] != "embedding"), *_TWO_LAYERS),
        sign=r"seg_2\.weight",
        head="segment1",
        adapted=((statistics.replace("embedding", "segment1"), change), scores),
    )


_LAYER = r"block(?P<block>\d)_layer(?P<layer>\d+)"
_TDNND = "xvector.block{block}.tdnnd{layer}"
_CAMPPLUS = (
    ("stem", "head.conv1"),
    ("stem_norm", "head.bn1"),
    (_BLOCK + r"_conv(?P<conv>\d)", "head.layer{stage}.{block_less1}.conv{conv}"),
    (_BLOCK + r"_conv(?P<conv>\d)_norm", "head.layer{stage}.{block_less1}.bn{conv}"),
    (_BLOCK + "_shortcut", "head.layer{stage}.{block_less1}.shortcut.0"),
    (_BLOCK + "_shortcut_norm", "head.layer{stage}.{block_less1}.shortcut.1"),
    ("downsampling", "head.conv2"),
    ("downsampling_norm", "head.bn2"),
    ("tdnn", "xvector.tdnn.linear"),
    ("tdnn_norm", "xvector.tdnn.nonlinear.batchnorm"),
    (_LAYER + "_input_norm", _TDNND + ".nonlinear1.batchnorm"),
    (_LAYER + "_bottleneck", _TDNND + ".linear1"),
    (_LAYER + "_bottleneck_norm", _TDNND + ".nonlinear2.batchnorm"),
    (_LAYER + "_local", _TDNND + ".cam_layer.linear_local"),
    (_LAYER + "_squeeze", _TDNND + ".cam_layer.linear1"),
    (_LAYER + "_excitation", _TDNND + ".cam_layer.linear2"),
    (r"transit(?P<block>\d)_input_norm", "xvector.transit{block}.nonlinear.batchnorm"),
    (r"transit(?P<block>\d)", "xvector.transit{block}.linear"),
    ("frames_norm", "xvector.out_nonlinear.batchnorm"),
    (r"pooling_attention(?P<layer>\d)", "xvector.stats.linear{layer}"),
    ("embedding", "xvector.dense.linear"),
    ("embedding_norm", "xvector.dense.nonlinear.batchnorm"),
)

_OF_BLOCK = "layer{stage}.{block_less1}"
_ATTENTION = (
    ("_squeeze", ".local_att.0"),
    ("_squeeze_norm", ".local_att.1"),
    ("_excitation", ".local_att.3"),
    ("_excitation_norm", ".local_att.4"),
)
_ERES2NET = (
    ("stem", "conv1"),
    ("stem_norm", "bn1"),
    (_BLOCK + r"_conv(?P<conv>\d)", _OF_BLOCK + ".conv{conv}"),
    (_BLOCK + r"_conv(?P<conv>\d)_norm", _OF_BLOCK + ".bn{conv}"),
    (_BLOCK + r"_res(?P<res>\d)", _OF_BLOCK + ".convs.{res_less1}"),
    (_BLOCK + r"_res(?P<res>\d)_norm", _OF_BLOCK + ".bns.{res_less1}"),
    *(
        (_BLOCK + r"_fusion(?P<fusion>\d)" + own, _OF_BLOCK + ".fuse_models.{fusion_less1}" + other)
        for own, other in _ATTENTION
    ),
    (_BLOCK + "_shortcut", _OF_BLOCK + ".shortcut.0"),
    (_BLOCK + "_shortcut_norm", _OF_BLOCK + ".shortcut.1"),
    (r"pooling_attention(?P<layer>\d)", "pool.linear{layer}"),
    ("embedding", "seg_1"),
)
_FUSED_FROM_STAGE_1 = (
    (r"stage(?P<stage>\d)_downsampling", "layer{stage}_downsample"),
    *(
        (f"stage{stage}_fusion{own}", f"fuse_mode{'1234'[:stage]}{other}")
        for stage in (2, 3, 4)
        for own, other in _ATTENTION
    ),
)
_FUSED_FROM_STAGE_3 = (
    ("stage3_downsampling", "layer3_ds"),
    *((f"stage4_fusion{own}", f"fuse34{other}") for own, other in _ATTENTION),
)
_ATTENTIVE_BLOCK = r"stage(?P<stage>[34])_block(?P<block>\d+)"
_FIRST_GROUP_APART = (
    (_ATTENTIVE_BLOCK + "_res1", _OF_BLOCK + ".conv2_1"),
    (_ATTENTIVE_BLOCK + "_res1_norm", _OF_BLOCK + ".bn2_1"),
    (_ATTENTIVE_BLOCK + r"_res(?P<res>\d)", _OF_BLOCK + ".convs.{res_less2}"),
    (_ATTENTIVE_BLOCK + r"_res(?P<res>\d)_norm", _OF_BLOCK + ".bns.{res_less2}"),
)
"""WeSpeaker's names in the blocks with attention, before those of all blocks."""

_REDIMNET2_FRONT_END = {
    "kind": "normalised_mel", "low_hz": 20.0, "high_hz": 7600.0, "normalise": True
}  # fmt: skip
_REDIMNET2_BLOCKS = (2, 3, 4, 5, 4, 3)
_REDIMNET2_IMAGE = (
    ("embedding|pooling_attention1", "image_statistics"),
    ("pooling_attention2|pooling_norm", "image_scores"),
)


def _redimnet2(
    toolkit: str, networks: dict[str, int], widened: int, *, image_head: bool = False
) -> Layout:
    """The layout of ReDimNet2s whose first stages are widened.

    A stage's modules are numbered: the mixture, a reshaping, the downsampling, the blocks, what
    narrows a widened stage, a reshaping, the layers over time.
    """
    modules = [("stem", "backbone.stem.0"), ("stem_norm", "backbone.stem.1")]
    for stage, blocks in enumerate(_REDIMNET2_BLOCKS, start=1):
        own, other = f"stage{stage}", f"backbone.stage{stage - 1}"
        behind = 3 + blocks
        time = f"{other}.{behind + (2 if stage <= widened else 1)}"
        block = other + ".{block_plus2}.conv_block"
        number = own + r"_block(?P<block>\d+)"
        modules += [
            (f"{own}_mixture", f"{other}.0"),
            (f"{own}_downsampling", f"{other}.2"),
            (number + r"_depthwise(?P<conv>\d)", block + ".conv{conv}"),
            (number + r"_conv(?P<conv>\d)", block + ".conv{conv}pw"),
            (number + r"_conv(?P<conv>\d)_norm", block + ".bn{conv}"),
            (f"{own}_narrowing", f"{other}.{behind}.0"),
            (f"{own}_narrowing_norm", f"{other}.{behind}.1"),
            (f"{own}_reduction", f"{time}.red_dim_conv.0"),
            (f"{own}_reduction_norm", f"{time}.red_dim_conv.1"),
            (own + r"_context(?P<i>\d)_depthwise", time + ".tcm.{i_less1}.dwconvs.0"),
            (own + r"_context(?P<i>\d)_depthwise_norm", time + ".tcm.{i_less1}.norm"),
            (own + r"_context(?P<i>\d)_conv", time + ".tcm.{i_less1}.pwconv1"),
            (f"{own}_heard", f"{time}.tcm.4.attention.out_proj"),
            (f"{own}_heard_norm", f"{time}.tcm.4.layer_norm"),
            (f"{own}_inner", f"{time}.tcm.4.feed_forward.intermediate_dense"),
            (f"{own}_outer", f"{time}.tcm.4.feed_forward.output_dense"),
            (f"{own}_outer_norm", f"{time}.tcm.4.final_layer_norm"),
            (f"{own}_expansion", f"{time}.exp_dim_conv"),
            *(
                (f"{own}_{part}", f"{time}.tcm.4.attention.{part[0]}_proj")
                for part in ("query", "key", "value")
            ),
        ]
    modules += [
        ("mixture", "backbone.fin_wght1d"),
        ("head", "backbone.head"),
        (r"pooling_attention(?P<layer>\d)", "pool.linear{layer}"),
        ("pooling_norm", "bn"),
        ("embedding", "linear"),
    ]
    return Layout(
        toolkit=toolkit,
        networks=networks,
        modules=tuple(modules),
        stem="stem",
        mark="backbone.stem.0.weight",
        sign=r"frontend\..*|projection\..*" if toolkit == "wespeaker" else "",
        image=False,
        mixture="stage2_mixture",
        ignored=(
            *_IGNORED,
            r"backbone\.stage0\.0\.w",  # the weight of the only map
            r"(frontend\.)?spec\.torchfbank\.1\.flipped_filter",
            r"(frontend\.)?spec\.torchfbank\.2\.(real_kernel|image_kernel|melbanks)_pt",
        ),
        adapted=_REDIMNET2_IMAGE if image_head else (),
        front_end=_REDIMNET2_FRONT_END,
    )


LAYOUTS = (
    _RESNET,
    _with_two_layers(_RESNET),
    _GEMINI,
    _with_two_layers(_GEMINI),
    _ECAPA,
    dataclasses.replace(
        _ECAPA,
        networks={f"{name}_norm": number for name, number in _ECAPA.networks.items()},
        modules=(*_ECAPA.modules, ("embedding_norm", "bn2")),
        sign=r"bn2\.running_mean",
    ),
    Layout(
        toolkit="wespeaker",
        networks={"simam_resnet34": 36, "simam_resnet100": 102},
        modules=(
            ("stem", "front.conv1"),
            ("stem_norm", "front.bn1"),
            (_BLOCK + r"_conv(?P<conv>\d)", "front.layer{stage}.{block_less1}.conv{conv}"),
            (_BLOCK + r"_conv(?P<conv>\d)_norm", "front.layer{stage}.{block_less1}.bn{conv}"),
            (_BLOCK + "_shortcut", "front.layer{stage}.{block_less1}.downsample.0"),
            (_BLOCK + "_shortcut_norm", "front.layer{stage}.{block_less1}.downsample.1"),
            ("pooling_attention1", "pooling.attention.0"),
            ("pooling_attention1_norm", "pooling.attention.2"),
            ("pooling_attention2", "pooling.attention.3"),
            ("embedding", "bottleneck"),
        ),
        stem="stem",
        mark="front.layer1.0.conv1.weight",
        image=True,
        adapted=_IMAGE,
        front_end=_KALDI,
    ),
    Layout(
        toolkit="wespeaker",
        networks={"wespeaker_xvector": 512},
        modules=(
            (r"frame(?P<frame>\d)", "frame_{frame}.conv_1d"),
            (r"frame(?P<frame>\d)_norm", "frame_{frame}.bn"),
            (r"pooling_attention(?P<layer>\d)", "pool.linear{layer}"),
            *_TWO_LAYERS,
        ),
        stem="frame1",
        mark="frame_1.conv_1d.weight",
        image=False,
        head="segment1",
        front_end=_KALDI,
    ),
    Layout(
        toolkit="speechbrain",
        networks={"speechbrain_ecapa512": 512, "speechbrain_ecapa1024": 1024},
        modules=(
            ("layer1", "blocks.0.conv.conv"),
            ("layer1_norm", "blocks.0.norm.norm"),
            (r"block(?P<block>\d)_conv(?P<conv>\d)", "blocks.{block}.tdnn{conv}.conv.conv"),
            (r"block(?P<block>\d)_conv(?P<conv>\d)_norm", "blocks.{block}.tdnn{conv}.norm.norm"),
            (
                r"block(?P<block>\d)_res(?P<res>\d)",
                "blocks.{block}.res2net_block.blocks.{res_less1}.conv.conv",
            ),
            (
                r"block(?P<block>\d)_res(?P<res>\d)_norm",
                "blocks.{block}.res2net_block.blocks.{res_less1}.norm.norm",
            ),
            (r"block(?P<block>\d)_squeeze", "blocks.{block}.se_block.conv1.conv"),
            (r"block(?P<block>\d)_excitation", "blocks.{block}.se_block.conv2.conv"),
            ("aggregation", "mfa.conv.conv"),
            ("aggregation_norm", "mfa.norm.norm"),
            ("pooling_attention1", "asp.tdnn.conv.conv"),
            ("pooling_attention1_norm", "asp.tdnn.norm.norm"),
            ("pooling_attention2", "asp.conv.conv"),
            ("pooling_norm", "asp_bn.norm"),
            ("embedding", "fc.conv"),
        ),
        stem="layer1",
        mark="asp.tdnn.conv.conv.weight",
        image=False,
        adapted=(
            ("layer1", "decibels"),
            (r"block\d_conv1(_norm)?", "first_group_last"),
            (r"block\d_conv2", "first_group_of_inputs_last"),
        ),
        # As near as LogMel comes. CMN takes the scale away again but for the floor, which it brings
        # to SpeechBrain's 1e-10; the kernels take natural logarithms ("decibels").
        front_end={**_KALDI, "low_hz": 0.0, "preemphasis": 0.0, "scale": 34.5},
        notes=_DECIBELS,
    ),
    Layout(
        toolkit="wespeaker",
        networks={"campplus": 128},
        modules=_CAMPPLUS,
        stem="tdnn",
        mark="head.layer1.0.conv1.weight",
        folded_mark="xvector.block1.tdnnd1.cam_layer.linear_local.weight",
        sign=_PROJECTION,
        image=False,
        image_stem="stem",
        adapted=(("tdnn", "image_frames"),),
        ignored=(*_IGNORED, r"pool\.linear\d\..*"),  # the pooling once more
        front_end=_KALDI,
    ),
    Layout(
        toolkit="3dspeaker",
        networks={"campplus": 128},
        modules=_CAMPPLUS,
        stem="tdnn",
        mark="head.layer1.0.conv1.weight",
        folded_mark="xvector.block1.tdnnd1.cam_layer.linear_local.weight",
        image=False,
        image_stem="stem",
        adapted=(("tdnn", "image_frames"),),
        front_end=_OWN_KALDI,
        doubt=_NAMELESS,
    ),
    Layout(
        toolkit="wespeaker",
        networks={"eres2net": 96, "eres2net_huge": 130},
        modules=(*_FIRST_GROUP_APART, *_ERES2NET, *_FUSED_FROM_STAGE_1),
        stem="stem",
        mark="fuse_mode12.local_att.0.weight",
        sign=r"layer3\.0\.conv2_1\.weight",
        image=True,
        adapted=_IMAGE,
        front_end=_KALDI,
    ),
    Layout(
        toolkit="3dspeaker",
        networks={"eres2net": 96, "eres2net_huge": 130},
        modules=(*_ERES2NET, *_FUSED_FROM_STAGE_1),
        stem="stem",
        mark="fuse_mode12.local_att.0.weight",
        image=True,
        adapted=_IMAGE,
        front_end=_OWN_KALDI,
    ),
    Layout(
        toolkit="3dspeaker",
        networks={"eres2netv2": 90, "eres2netv2_w24s4ep4": 158},
        modules=(*_ERES2NET, *_FUSED_FROM_STAGE_3),
        stem="stem",
        mark="fuse34.local_att.0.weight",
        image=True,
        adapted=_IMAGE,
        front_end=_OWN_KALDI,
    ),
    _redimnet2("palabra", {"redimnet2_b0": 12}, 1, image_head=True),
    _redimnet2("palabra", {"redimnet2_b1": 16, "redimnet2_b2": 20}, 1),
    _redimnet2("palabra", {"redimnet2_b3": 24, "redimnet2_b4": 32}, 3),
    _redimnet2("palabra", {"redimnet2_b5": 48}, 3, image_head=True),
    _redimnet2(
        "wespeaker",
        {
            "wespeaker_redimnet2_b0": 12,
            "wespeaker_redimnet2_b1": 16,
            "wespeaker_redimnet2_b2": 20,
            "wespeaker_redimnet2_b3": 24,
        },
        1,
    ),
    _redimnet2("wespeaker", {"redimnet2_b4": 32}, 3),
    _redimnet2("wespeaker", {"wespeaker_redimnet2_b5": 48}, 3),
    Layout(
        toolkit="resemblyzer",
        networks={"ge2e": 3},
        modules=(("lstm", "lstm"), ("embedding", "linear")),
        stem="lstm",
        mark="lstm.weight_ih_l0",
        image=False,
        recurrent=True,
        ignored=(r"similarity_(weight|bias)",),
        front_end={"kind": "power_mel", "lowest_level_db": -30.0},
        notes=_SILENCE,
    ),
)

FAMILIES = {
    (name if name.startswith(layout.toolkit) else f"{layout.toolkit}_{name}"): (layout, name)
    for layout in LAYOUTS
    for name in layout.networks
}
"""Layout and network by the name of a family, such as "wespeaker_resnet34"."""
