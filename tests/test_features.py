import kaldi_native_fbank as knf
import numpy as np
import pytest
import tensorflow as tf

from tfsv.features import LogMel, TrainingLogMel, frame_count


def kaldi_fbank(waveform, window, bins=80):
    options = knf.FbankOptions()
    options.frame_opts.dither = 0
    options.frame_opts.window_type = window
    options.mel_opts.num_bins = bins
    fbank = knf.OnlineFbank(options)
    fbank.accept_waveform(16000, (waveform * 32768).tolist())
    fbank.input_finished()
    return np.stack([fbank.get_frame(i) for i in range(fbank.num_frames_ready)])


def speech_like(seconds=1.5, seed=0):
    random = np.random.default_rng(seed)
    t = np.arange(int(seconds * 16000)) / 16000
    tone = sum(np.sin(2 * np.pi * 120 * k * t) / k for k in range(1, 30))
    return (0.05 * tone * (1 + np.sin(7 * t)) + 0.003 * random.normal(size=t.size)).astype("f4")


@pytest.mark.parametrize("window", ["hamming", "povey"])
@pytest.mark.parametrize("bins", [40, 80])
def test_agrees_with_kaldi(window, bins):
    waveform = speech_like()
    ours = LogMel(bins=bins, window=window, mean_normalise=False)(waveform[None])[0]
    np.testing.assert_allclose(ours, kaldi_fbank(waveform, window, bins), atol=1e-3)


def test_agrees_with_kaldi_on_real_speech(real_speech):
    from tfsv.audio import soundfiles

    for path in real_speech.some_files(6):
        waveform = soundfiles.read(path)
        expected = kaldi_fbank(waveform, "hamming")
        ours = LogMel(mean_normalise=False, silence_db=None)(waveform[None])[0]
        # Both compute in float32, and quiet bins differ by up to 1.1e-3.
        np.testing.assert_allclose(ours, expected, atol=2e-3, err_msg=path)
        normalised = LogMel(silence_db=None)(waveform[None])[0]
        np.testing.assert_allclose(normalised, expected - expected.mean(0), atol=2e-3)


@pytest.mark.parametrize("samples", [400, 479, 559, 560, 719, 720, 16001])
def test_any_number_of_samples(samples):
    waveform = speech_like()[:samples]
    features = LogMel(mean_normalise=False)(waveform[None])[0]
    assert features.shape == (frame_count(samples), 80)
    np.testing.assert_allclose(features, kaldi_fbank(waveform, "hamming"), atol=1e-3)


def test_batch_equals_single():
    waveforms = np.stack([speech_like(seed=i) for i in range(3)])
    layer = LogMel()
    together = layer(waveforms)
    for waveform, features in zip(waveforms, together, strict=True):
        np.testing.assert_allclose(layer(waveform[None])[0], features, atol=1e-5)


def test_converts_to_built_in_ops_of_any_length():
    layer = LogMel()

    @tf.function(input_signature=[tf.TensorSpec([1, None])])
    def front_end(waveform):
        return layer(waveform)

    converter = tf.lite.TFLiteConverter.from_concrete_functions([front_end.get_concrete_function()])
    model = converter.convert()
    assert len(model) < 38_000
    interpreter = tf.lite.Interpreter(model_content=model)
    for samples in (400, 16001, 9999):
        waveform = speech_like()[None, :samples]
        interpreter.resize_tensor_input(0, waveform.shape)
        interpreter.allocate_tensors()
        interpreter.set_tensor(0, waveform)
        interpreter.invoke()
        output = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
        np.testing.assert_allclose(output, layer(waveform), atol=1e-3)


def test_bad_settings_are_refused():
    with pytest.raises(ValueError, match="window"):
        LogMel(window="square")
    with pytest.raises(ValueError, match="low_hz"):
        LogMel(low_hz=9000)


@pytest.mark.parametrize("settings", [{}, {"bins": 40}, {"low_hz": 0.0, "silence_db": None}])
def test_features_of_training_are_those_of_the_file(settings):
    waveforms = np.random.default_rng(0).normal(0, 0.1, (2, 8123)).astype(np.float32)
    waveforms[1, 3000:6000] = 0
    settings = {"bins": 80, **settings}
    expected = LogMel(**settings)(waveforms)
    np.testing.assert_allclose(TrainingLogMel(**settings)(waveforms), expected, atol=2e-4)
