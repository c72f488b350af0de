import pytest

from tfsv.errors import InputError
from tfsv.features import LogMel, TrainingLogMel
from tfsv.front_ends import front_end_layer
from tfsv.normalised_mel import NormalisedMel
from tfsv.power_mel import PowerMel


def test_cards_of_before_mean_the_log_mel_filterbank():
    layer = front_end_layer(LogMel(bins=40, window="povey").settings())
    assert type(layer) is LogMel and layer.window == "povey"
    assert type(front_end_layer({})) is LogMel
    assert type(front_end_layer({"bins": 40}, training=True)) is TrainingLogMel


def test_the_kind_names_the_layer():
    layer = front_end_layer({"kind": "power_mel", "bins": 24, "lowest_level_db": None})
    assert type(layer) is PowerMel and (layer.bins, layer.lowest_level_db) == (24, None)
    assert type(front_end_layer({"kind": "power_mel"}, training=True)) is PowerMel
    assert type(front_end_layer({"kind": "log_mel", "bins": 24})) is LogMel
    layer = NormalisedMel(bins=24, normalise=False)
    again = front_end_layer({"kind": "normalised_mel", **layer.settings()})
    assert type(again) is NormalisedMel and again.settings() == layer.settings()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "mfcc"}, "front_end of an unknown kind, 'mfcc'; this tfsv has log_mel, power"),
        ({"kind": ["log_mel"]}, "front_end of an unknown kind"),
        ({"kind": "power_mel", "window": "povey"}, "front_end does not fit PowerMel .*window"),
        ({"window": "square"}, "front_end does not fit LogMel .*window"),
    ],
)
def test_what_is_unknown_is_an_error_of_the_user(settings, message):
    with pytest.raises(InputError, match=f"^model card: {message}") as refusal:
        front_end_layer(settings)
    assert "\n" not in str(refusal.value)
