import numpy as np
import pretrained_goldens as goldens
import pytest

from tfsv.power_mel import PowerMel, slaney_filters

WAVEFORM = goldens.random_weights.random_waveform(19_999, 0.001)


def raised(waveform, decibels):
    level = 10 * np.log10(np.mean(np.square(waveform, dtype=np.float64)))
    return waveform * 10 ** (max(0, decibels - level) / 20)


def by_definition(waveform, bins=40):
    """Frame by frame, with numpy's transform."""
    filters = slaney_filters(bins)
    padded = np.pad(np.asarray(waveform, np.float64), (200, 1000))
    window = 0.5 * (1 - np.cos(2 * np.pi * np.arange(400) / 400))
    frames = [padded[start : start + 400] for start in range(0, len(waveform) + 321, 160)]
    return np.stack([np.abs(np.fft.rfft(frame * window)) ** 2 @ filters for frame in frames])


def assert_close(found, wanted):
    """Float32 rounds to shares of the loudest filter of a frame."""
    scale = wanted.max(axis=1, keepdims=True) + 1e-12
    np.testing.assert_allclose(found / scale, wanted / scale, atol=2e-5)


def test_agrees_with_pytorchs_transform():
    wanted = goldens.EMBEDDINGS["ge2e_mel_powers"]
    found = PowerMel(lowest_level_db=None)(WAVEFORM[None])[0].numpy()
    assert len(found) == len(wanted) + 2
    assert_close(found[:-2], wanted)


@pytest.mark.parametrize("samples", [1, 159, 160, 161, 400, 16_001])
def test_any_number_of_samples(samples):
    waveform = WAVEFORM[:samples]
    found = PowerMel(lowest_level_db=None)(waveform[None])[0].numpy()
    assert found.shape == PowerMel().compute_output_shape((1, samples))[1:]
    assert_close(found, by_definition(waveform))


def test_behind_the_last_frame_there_is_nothing():
    for samples in range(16_000, 16_160):
        waveform = np.ones(samples, np.float32)
        frames = PowerMel().compute_output_shape((1, samples))[1]
        assert 160 * frames - 200 >= samples  # where the next frame would begin
        assert len(by_definition(waveform)) == frames


@pytest.mark.parametrize("amplitude", [1e-4, 0.01, 1.0, 30.0])
def test_quiet_waveforms_are_raised_and_loud_ones_stay(amplitude):
    waveform = amplitude * WAVEFORM
    found = PowerMel(lowest_level_db=-30.0)(waveform[None])[0].numpy()
    assert_close(found, by_definition(raised(waveform, -30)))


def test_each_waveform_of_a_batch_has_its_own_level():
    waveforms = np.stack([WAVEFORM, 100 * WAVEFORM, 0 * WAVEFORM])
    together = PowerMel()(waveforms).numpy()
    for waveform, found in zip(waveforms, together, strict=True):
        np.testing.assert_allclose(found, PowerMel()(waveform[None])[0], rtol=1e-4, atol=1e-9)
    assert not together[2].any()


def test_filters_are_of_equal_area_and_half_of_them_are_linear():
    filters = slaney_filters(40)
    np.testing.assert_allclose(filters.sum(0) * 40, 1, atol=0.25)  # 40 Hz a bin
    fine = slaney_filters(12)
    np.testing.assert_allclose(fine.sum(0) * 40, 1, atol=0.02)
    centres = np.arange(201) * 40 @ filters / filters.sum(0)
    steps = np.diff(centres[3:13])
    np.testing.assert_allclose(steps, steps.mean(), rtol=0.25)
    np.testing.assert_allclose(np.diff(np.log(centres[20:])), np.log(6.4) / 27 * 1.11, rtol=0.15)


def test_bad_settings_are_refused():
    with pytest.raises(ValueError, match="bins"):
        PowerMel(bins=0)
    with pytest.raises(ValueError, match="lowest_level_db"):
        PowerMel(lowest_level_db=0.0)
