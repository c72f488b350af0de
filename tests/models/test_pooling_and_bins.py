"""Which pooling and how many mel filters: what tensors, config.yaml and settings say together."""

import numpy as np
import pretrained_goldens as goldens
import pytest
import torch_writing
from command_runner import run_command
from hypothesis import given
from hypothesis import strategies as st

from tfsv.errors import InputError
from tfsv.models.checkpoints import Checkpoint, read_checkpoint
from tfsv.models.pooling_and_bins import STATISTICS, Said, choices, only_choice
from tfsv.models.pretrained import from_checkpoint, import_checkpoint
from tfsv.models.training_configs import config_beside
from tfsv.models.yaml_keys import read_values

WANTED = goldens.EMBEDDINGS["small_resnet18"]


@pytest.fixture(scope="module")
def small():
    """A ResNet of 16 mel filters with mean and deviation, whose embeddings PyTorch made."""
    return read_checkpoint(goldens.GOLDENS / "resnet18.pt").tensors


@pytest.fixture(scope="module")
def half(small):
    """Its halves: mean alone, and deviation alone without the bias."""
    means, deviations = np.split(small["seg_1.weight"], 2, axis=1)
    return (
        {**small, "seg_1.weight": means},
        {**small, "seg_1.weight": deviations, "seg_1.bias": 0 * small["seg_1.bias"]},
    )


def embeddings(imported):
    return imported.network(goldens.features(imported.settings.bins)).numpy()


def write(folder, tensors, config=None, name="avg_model.pt"):
    folder.mkdir(parents=True, exist_ok=True)
    torch_writing.save(folder / name, torch_writing.tensors(tensors))
    if config is not None:
        (folder / "config.yaml").write_text(config)
    return folder / name


def test_mean_and_deviation_alone_add_up_to_both(half):
    mean, deviation = half
    found = embeddings(from_checkpoint(Checkpoint(mean), "x", pooling="TAP"))
    found = found + embeddings(from_checkpoint(Checkpoint(deviation), "x", pooling="tsdp"))
    assert goldens.worst_relative(found, WANTED) < 1e-4


def test_what_tensors_do_not_tell_is_asked_for(half, small):
    both, one = Checkpoint(small), Checkpoint(half[0])
    with pytest.raises(InputError) as refusal:
        from_checkpoint(both, "x.pt")
    assert str(refusal.value) == (
        "x.pt: its tensors are of 16 mel filters with mean and deviation (pooling=tstp), or of 32"
        " mel filters with mean or deviation alone (pooling=mean or tsdp); nothing tells which:"
        " give 'bins' or 'pooling', or put its config.yaml beside it"
    )
    with pytest.raises(InputError, match=r"alone \(.*\); nothing tells which: give 'pooling', or"):
        from_checkpoint(one, "x.pt", bins=16)
    assert from_checkpoint(both, "x.pt", bins=16).settings.pooling == "tstp"
    assert from_checkpoint(both, "x.pt", pooling="tap").settings.bins == 32
    assert from_checkpoint(one, "x.pt", pooling="mean", bins=16).settings.bins == 16
    for told in ({"bins": 24}, {"pooling": "astp"}, {"pooling": "tstp", "bins": 32}):
        with pytest.raises(
            InputError, match=r"x\.pt: (bins|pooling)=.*, but its tensors are of 16"
        ):
            from_checkpoint(both, "x.pt", **told)
    with pytest.raises(InputError, match="pooling=max: unknown; choose one of tstp"):
        from_checkpoint(both, "x.pt", pooling="max")


def test_the_published_number_of_filters_needs_no_word():
    case = goldens.TABLE["resnet18"]
    imported = from_checkpoint(Checkpoint(goldens.state_dict("resnet18")), "x", case["family"])
    assert (imported.settings.bins, imported.settings.pooling) == (80, "tstp")


CONFIG = "model: ResNet18\nmodel_args:\n  feat_dim: {}\n  embed_dim: 4\n  pooling_func: {}\n"


@pytest.mark.parametrize(
    ("half_of", "bins", "pooling"), [(0, 16, "TAP"), (1, 16, "TSDP"), (None, 16, "TSTP")]
)
def test_the_config_beside_it_tells(half, small, tmp_path, half_of, bins, pooling):
    tensors = small if half_of is None else half[half_of]
    path = write(tmp_path / "models", tensors)
    (tmp_path / "config.yaml").write_text(CONFIG.format(bins, pooling))  # as trainings leave it
    imported = import_checkpoint(path)
    ours = {"TAP": "mean", "TSDP": "tsdp", "TSTP": "tstp"}[pooling]
    assert (imported.settings.bins, imported.settings.pooling) == (bins, ours)
    assert imported.told == f"config.yaml says feat_dim: {bins}, pooling_func: {pooling}"


@pytest.mark.parametrize(
    ("config", "settings", "message"),
    [
        (CONFIG.format(16, "TSTP"), {"bins": 32}, "bins=32, but config.yaml says feat_dim: 16"),
        (CONFIG.format(16, "TSTP"), {"pooling": "mean"}, "pooling=mean, but config.yaml says"),
        (CONFIG.format(16, "TAP"), {}, "config.yaml says .*TAP, but its tensors are of 16 .*tstp"),
        (CONFIG.format(16, "MQMHASTP"), {}, "MQMHASTP' is none that tfsv has"),
        (CONFIG.format("many", "TAP"), {}, "feat_dim: 'many' is no number"),
        (CONFIG.format("[80]", "TAP"), {}, "feat_dim is not a plain value"),
        (CONFIG.replace("18", "34").format(16, "TSTP"), {}, "is for resnet34, not resnet18"),
        (CONFIG.replace("4", "256").format(16, "TSTP"), {}, "embeddings of 256, not 4"),
        (CONFIG.format(16, "TSTP") + "dataset_args: {fbank_args: {num_mel_bins: 40}}\n", {},
         "feat_dim: 16 and num_mel_bins: 40"),
        (CONFIG.format(16, "TSTP") + "  two_emb_layer: True\n", {},
         "is for resnet18_two_layers, not resnet18"),
        ("version https://git-lfs.github.com/spec/v1\n", {}, "config.yaml: a pointer of git-lfs"),
        ("model_args: {}\n", {}, "give 'bins' or 'pooling'"),
        ("pipeline:\n  name: another\n", {}, "give 'bins' or 'pooling'"),
    ],
)  # fmt: skip
def test_what_contradicts_is_named(small, tmp_path, config, settings, message):
    path = write(tmp_path, small, config)
    with pytest.raises(InputError, match=message) as refusal:
        import_checkpoint(path, **settings)
    assert "\n" not in str(refusal.value) and str(tmp_path) in str(refusal.value)


@pytest.mark.parametrize(
    ("model", "argument", "network"),
    [
        ("ResNet221", "two_emb_layer: False", "resnet221"),
        ("ResNet34", "two_emb_layer: true", "resnet34_two_layers"),
        ("Gemini_DF_ResNet60", "two_emb_layer: True", "gemini60_two_layers"),
        ("ECAPA_TDNN_GLOB_c512", "emb_bn: True", "ecapa512_norm"),
        ("ECAPA_TDNN_c1024", "emb_bn: false", "ecapa1024"),
        ("XVEC", "embed_dim: 512", "wespeaker_xvector"),
        ("SimAM_ResNet34_ASP", "acoustic_dim: 80", "simam_resnet34"),
        ("SimAM_ResNet100_ASP", "acoustic_dim: 80", "simam_resnet100"),
        ("CAMPPlus", "feat_dim: 80", "campplus"),
        ("ERes2Net34_Large", "two_emb_layer: False", "eres2net"),
        ("ERes2Net34_aug", "feat_dim: 80", "eres2net_huge"),
        ("REPVGG_TINY_A0", "feat_dim: 80", None),
    ],
)
def test_the_config_names_the_network(tmp_path, model, argument, network):
    (tmp_path / "config.yaml").write_text(f"model: {model}\nmodel_args:\n  {argument}\n")
    assert config_beside(tmp_path / "avg_model.pt").network == network


def test_features_of_another_kind_are_noted(small, tmp_path):
    config = CONFIG.format(16, "TSTP") + "dataset_args:\n  resample_rate: 8000\n  frontend: s3prl\n"
    imported = import_checkpoint(write(tmp_path, small, config))
    assert "frontend: s3prl, resample_rate: 8000" in imported.notes
    usual = CONFIG.format(16, "TSTP") + "dataset_args:\n  fbank_args: {frame_length: 25.0}\n"
    assert not import_checkpoint(write(tmp_path, small, usual)).notes


def test_an_ecapa_without_attention():
    tensors = goldens.state_dict("ecapa")
    features = tensors["conv.weight"].shape[0]
    plain = {name: x for name, x in tensors.items() if not name.startswith("pool.")}
    family = "wespeaker_ecapa1024"
    assert from_checkpoint(Checkpoint(plain), "x", family).settings.pooling == "tstp"
    one = {n: x[..., :features] if n.startswith(("bn.", "linear.weight")) and x.ndim else x
           for n, x in plain.items()}  # fmt: skip
    with pytest.raises(
        InputError, match=r"of 72 mel filters .*\(pooling=mean or tsdp\).*'pooling'"
    ):
        from_checkpoint(Checkpoint(one), "x", family)
    imported = from_checkpoint(Checkpoint(one), "x", family, pooling="mean")
    assert imported.settings.pooling == "mean" and imported.settings.bins == 72
    with pytest.raises(InputError, match=r"bins=80, but its tensors are of 72 mel filters"):
        from_checkpoint(Checkpoint(tensors), "x", family, bins=80)


def attentive(image, tensors):
    """WeSpeaker's ASTP over an image [batch, time, frequency, channels], in numpy."""
    batch, frames = image.shape[:2]
    x = image.transpose(0, 3, 2, 1).reshape(batch, -1, frames)  # channel by channel
    hidden = np.tanh(np.einsum("oi,bit->bot", tensors["pool.linear1.weight"][..., 0], x)
                     + tensors["pool.linear1.bias"][:, None])  # fmt: skip
    scores = np.einsum("oi,bit->bot", tensors["pool.linear2.weight"][..., 0], hidden)
    scores = np.exp(scores + tensors["pool.linear2.bias"][:, None])
    weights = scores / scores.sum(2, keepdims=True)
    mean = (weights * x).sum(2)
    variance = (weights * x**2).sum(2) - mean**2
    statistics = np.concatenate([mean, np.sqrt(np.maximum(variance, 1e-7))], 1)
    return statistics @ tensors["seg_1.weight"].T + tensors["seg_1.bias"]


def test_attention_over_an_image(small, tmp_path):
    random = np.random.default_rng(0)
    features = small["seg_1.weight"].shape[1] // 2
    shapes = {"1.weight": (128, features, 1), "1.bias": (128,)}
    shapes |= {"2.weight": (features, 128, 1), "2.bias": (features,)}
    weights = {f"pool.linear{k}": random.normal(0, 0.3, x).astype("f4") for k, x in shapes.items()}
    tensors = {**small, **weights}
    imported = import_checkpoint(write(tmp_path, tensors, CONFIG.format(16, "ASTP")))
    assert (imported.settings.bins, imported.settings.pooling) == (16, "astp_local")
    network = imported.network
    before = type(network)(network.input, network.get_layer("pooling_frames").input)
    wanted = attentive(before(goldens.features(16)).numpy().astype("f8"), tensors)
    assert goldens.worst_relative(embeddings(imported), wanted) < 1e-4


def test_the_command_asks_by_its_flags(half, tmp_path):
    write(tmp_path, half[1])
    done = run_command(
        "import", "--checkpoint=avg_model.pt", "--output=model", "--bins=16", folder=tmp_path
    )
    assert done.returncode == 1 and "(--pooling=mean or tsdp)" in done.stderr
    assert "give --pooling, or put" in done.stderr and done.stderr.count("\n") == 1


@given(rows=st.integers(1, 60), multiple=st.sampled_from([8, 16]), said=st.integers(1, 300))
def test_a_choice_has_as_many_statistics_as_there_are_inputs(rows, multiple, said):
    possible = choices(rows, multiple)
    assert all(STATISTICS[pooling] * bins == rows * multiple for pooling, bins in possible)
    try:
        pooling, bins = only_choice(possible, Said(f"bins={said}", bins=said))
    except InputError:
        assert said != rows * multiple / 2 or said % multiple
    else:
        assert bins == said and pooling == "tstp"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a:\n  b: 80 # c\n  c: 'T#P'\nd: \"e f\"\n", {"a.b": "80", "a.c": "T#P", "d": "e f"}),
        ("a:\r\n    b:\r\n        c: 1\r\n    d: 2\r\n", {"a.b.c": "1", "a.d": "2"}),
        ("a: {b: 80, c: 'x, y', d: {e: f}}\n", {"a.b": "80", "a.d.e": "f"}),
        ("a: {b: 80,  # more\n    c: TAP}\nd: 1\n", {"a.b": "80", "a.c": "TAP", "d": "1"}),
        ('{"a": {"b": 80, "c": "TAP"}}\n', {"a.b": "80", "a.c": "TAP"}),
        ("---\n# a: 1\na:\n- b: 1\n  c: 2\nd: 3\n...\n", {"d": "3"}),
        ("a: [1, 2]\nb: &c 3\nd: |\n  e: 4\n", {"a": None, "b": None, "d": None}),
        ("a: http://b:80/c\n'b': ''\n", {"a": "http://b:80/c", "b": ""}),
        ("a : 1\n\na_b-c.d: 2\n", {"a": "1", "a_b-c.d": "2"}),
    ],
)
def test_values_of_yaml(text, wanted):
    found = read_values(text)
    assert {key: found[key] for key in wanted} == wanted


@given(st.text(alphabet="ab:{}[]#'\", \n-|&", max_size=60))
def test_any_text_is_read(text):
    assert all(isinstance(key, str) for key in read_values(text))
