import numpy as np
import pretrained_goldens as goldens
import pytest

from tfsv.normalised_mel import NormalisedMel

WAVEFORM = goldens.random_weights.random_waveform(19_999, 0.001)


def test_agrees_with_pytorchs_transform():
    wanted = goldens.EMBEDDINGS["redimnet2_features"]
    np.testing.assert_allclose(NormalisedMel(bins=72)(WAVEFORM[None])[0], wanted, atol=2e-4)


@pytest.mark.parametrize("samples", [240, 399, 400, 401, 560, 16_001])
def test_any_number_of_samples(samples):
    layer = NormalisedMel(bins=24)
    found = layer(WAVEFORM[None, :samples])
    assert found.shape == layer.compute_output_shape((1, samples))
    assert found.shape[1] == 1 + (samples - 240) // 160 and np.isfinite(found).all()


def test_neither_level_nor_mean_counts_and_silence_is_finite():
    layer = NormalisedMel(bins=24)
    wanted = layer(WAVEFORM[None])
    np.testing.assert_allclose(layer(300 * WAVEFORM[None] + 0.5), wanted, atol=2e-3)
    np.testing.assert_allclose(layer(np.zeros((1, 4000), np.float32)), 0, atol=1e-5)
    quiet = NormalisedMel(bins=24, normalise=False)(0.01 * WAVEFORM[None])
    assert np.abs(quiet - wanted).max() > 0.1


def test_bad_settings_are_refused():
    with pytest.raises(ValueError, match="bins"):
        NormalisedMel(bins=0)
    with pytest.raises(ValueError, match="low_hz"):
        NormalisedMel(low_hz=9000.0)
