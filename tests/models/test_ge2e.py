"""The GE2E encoder: its windows, its LSTM, and what PyTorch makes of whole utterances."""

import math

import numpy as np
import pretrained_goldens as goldens
import pytest
import tensorflow as tf
import tf_keras as keras
import torch_writing
from command_runner import run_command
from hypothesis import given, settings
from hypothesis import strategies as st

from tfsv.errors import InputError
from tfsv.front_ends import front_end_layer
from tfsv.models import build_network, multiply_accumulates
from tfsv.models.checkpoints import Checkpoint
from tfsv.models.pretrained import from_checkpoint, import_checkpoint
from tfsv.models.recurrent import StackedLSTM, Windows
from tfsv.power_mel import PowerMel
from tfsv.quantization.network import quantize
from tfsv.tasks.model_folder import load_model
from tfsv.verification.keras_embedder import KerasEmbedder

UTTERANCES = ((400, 0.1), (19_999, 0.001), (25_599, 0.3), (44_000, 0.01), (70_000, 0.2))


def imported():
    return from_checkpoint(Checkpoint(goldens.state_dict("ge2e")), "ge2e.pt")


def published_starts(samples):
    """Windows of 25,600 samples every 12,320, the last one if three quarters are covered."""
    frames = math.ceil((samples + 1) / 160)
    starts = [0]
    while starts[-1] + 77 < frames - 160 + 77 + 1:
        starts.append(starts[-1] + 77)
    if len(starts) > 1 and samples - 160 * starts[-1] < 0.75 * 25_600:
        starts.pop()
    return starts


@pytest.fixture(scope="module")
def windows():
    layer = build_network("ge2e", channels=2, bins=4).get_layer("windows")
    return Windows.from_config(layer.get_config())


@settings(deadline=None)
@given(st.integers(1, 400_000))
def test_windows_are_those_of_the_published_rule(windows, samples):
    _, frames, _ = PowerMel().compute_output_shape((1, samples))
    numbers = np.arange(1, frames + 1, dtype=np.float32)
    found = windows(numbers[None, :, None])[0, :, :, 0].numpy()
    assert found.shape == windows.compute_output_shape((1, frames, 1))[1:3]
    starts = published_starts(samples)
    assert len(found) == len(starts)
    padded = np.pad(numbers, (0, 160))
    for window, start in zip(found, starts, strict=True):
        np.testing.assert_array_equal(window, padded[start : start + 160])


def test_the_stack_is_keras_layers_upon_one_another():
    random = np.random.default_rng(0)
    windows = random.normal(size=(2, 3, 11, 5)).astype("f4")
    stack = StackedLSTM(units=7, layers=3)
    found = stack(windows)
    x = windows.reshape(6, 11, 5)
    for index in range(3):
        layer = keras.layers.LSTM(7, return_sequences=index < 2)
        layer.build((None, None, x.shape[-1]))
        inputs, states = np.split(stack.kernels[index].numpy(), [-7])
        layer.set_weights([inputs, states, stack.biases[index].numpy()])
        x = layer(x)
    np.testing.assert_allclose(found, tf.reshape(x, (2, 3, 7)), atol=1e-6)
    assert (stack.biases[0].numpy().reshape(4, 7) == [[0], [1], [0], [0]]).all()


def test_gradients_reach_every_weight():
    network = build_network("ge2e", channels=3, bins=4, embedding_size=5)
    features = np.random.default_rng(0).normal(size=(2, 300, 4)).astype("f4")
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(network(features, training=True)[:, 0])
    gradients = tape.gradient(loss, network.trainable_variables)
    assert len(gradients) == 8 and all(gradient is not None for gradient in gradients)


def test_every_weight_counts_once_a_frame():
    network = build_network("ge2e", bins=40)
    weights = (40 + 256) * 1024 + 2 * 512 * 1024
    for frames, windows in ((50, 1), (199, 1), (200, 2)):
        found = multiply_accumulates(network, frames)
        assert found == windows * (160 * weights + 256 * 256)


def test_another_pooling_is_refused():
    with pytest.raises(InputError, match="^pooling=tstp: ge2e takes the mean"):
        build_network("ge2e", pooling="tstp")


def test_whole_utterances_have_the_embeddings_of_pytorch():
    found = imported()
    assert found.family == "resemblyzer_ge2e" and found.settings.pooling == "mean"
    assert found.front_end == {"kind": "power_mel", "bins": 40, "lowest_level_db": -30.0}
    assert set(found.ignored) == {"similarity_weight", "similarity_bias"}
    front_end = front_end_layer(found.front_end)
    for index, utterance in enumerate(UTTERANCES):
        waveform = goldens.random_weights.random_waveform(*utterance)
        embedding = found.network(front_end(waveform[None])).numpy()
        embedding /= np.linalg.norm(embedding)
        wanted = goldens.EMBEDDINGS["ge2e_utterances"][index : index + 1]
        assert goldens.worst_relative(embedding, wanted) < 1e-4


def checkpoint(path):
    """A training's file as GE2E's is: the state dict beside a step and an optimizer."""
    tensors = goldens.state_dict("ge2e")
    state = {name: torch_writing.Tensor(array) for name, array in tensors.items()}
    optimizer = {"state": {}, "param_groups": [{"lr": 1e-4}]}
    torch_writing.save(path, {"step": 7, "model_state": state, "optimizer_state": optimizer})
    return path


def test_import_as_a_newcomer_types_it(tmp_path):
    path = checkpoint(tmp_path / "pretrained.pt")
    assert import_checkpoint(path).key == "model_state"
    done = run_command("import", f"--checkpoint={path}", f"--output={tmp_path / 'model'}")
    assert done.returncode == 0, done.stderr
    assert "resemblyzer_ge2e, 64 channels, 40 mel filters, pooling mean" in done.stdout
    assert "left out: similarity_" in done.stdout and "cut long pauses" in done.stdout
    network, card = load_model(tmp_path / "model")
    waveform = goldens.random_weights.random_waveform(*UTTERANCES[3])
    embedding = KerasEmbedder(network, card).embed(waveform)
    wanted = goldens.EMBEDDINGS["ge2e_utterances"][3]
    np.testing.assert_allclose(embedding, wanted, atol=1e-4)


def test_other_lstms_are_told():
    tensors = goldens.state_dict("ge2e")
    two = {name: x for name, x in tensors.items() if not name.endswith("_l2")}
    with pytest.raises(InputError, match="of no family that is known"):
        from_checkpoint(Checkpoint(two), "two.pt")
    with pytest.raises(InputError, match=r"the file lacks lstm\.weight_ih_l2 \[256, 64\]"):
        from_checkpoint(Checkpoint(two), "two.pt", "resemblyzer_ge2e")
    with pytest.raises(InputError, match=r"does not fit resemblyzer_ge2e: .*lstm\.weight_ih_l0"):
        from_checkpoint(Checkpoint({"linear.bias": np.ones(3)}), "x.pt", "resemblyzer_ge2e")
    tensors["lstm.weight_ih_l0"] = np.ones((2, 3), "f4")
    with pytest.raises(InputError, match=r"does not fit resemblyzer_ge2e: of other shape"):
        from_checkpoint(Checkpoint(tensors), "x.pt")


@pytest.mark.parametrize("bits", [4, {"embedding": 2}])
def test_it_stays_float(bits):
    network = build_network("ge2e", channels=2, bins=4)
    with pytest.raises(InputError, match="^bits: ge2e stays float.* its layer lstm") as refusal:
        quantize(network, bits)
    assert "\n" not in str(refusal.value)
