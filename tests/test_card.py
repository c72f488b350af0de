"""The model card's JSON: round trip, stability, strictness, older schemas."""

import dataclasses
import json

import numpy as np
import pytest

from tfsv.card import SCHEMA, ModelCard, package_versions
from tfsv.errors import InputError
from tfsv.models.settings import NetworkSettings
from tfsv.verification.model_card import (
    check_speaker_card,
    front_end_of,
    network_of,
    speaker_card,
)

FRONT_END = {"bins": 80, "window": "hamming", "low_hz": 20.0, "mean_normalise": True}
NETWORK = NetworkSettings("resnet18", channels=16, bins=80, embedding_size=256)
OLDER = {
    "schema": 2,
    "network": "resnet18",
    "channels": 16,
    "bins": 80,
    "embedding_size": 256,
    "pooling": None,
    "front_end": FRONT_END,
    "bits": {"conv_1": 4, "embedding": 2},
    "scheme": "kmeans",
    "trained_on": "LibriSpeech, Bücher",
    "eer": 0.0123,
    "min_dcf": 0.2,
    "thresholds": {"eer": 0.4, "far_0.01": 0.5},
    "versions": {"tensorflow": "2.16.2"},
    "notes": "two\nlines",
}
"""A card as tfsv 0.1 wrote it."""


def _card(**changes):
    card = speaker_card(
        NETWORK,
        FRONT_END,
        bits={"conv_1": 4, "embedding": 2},
        scheme="kmeans",
        trained_on="LibriSpeech, Bücher",
        measured={"eer": 0.0123, "min_dcf": 0.2},
        decision={"thresholds": {"eer": 0.4, "far_0.01": 0.5}},
        versions={"tensorflow": "2.16.2"},
        notes="two\nlines",
    )
    return dataclasses.replace(card, **changes)


def test_round_trip():
    card = _card()
    assert ModelCard.from_json(card.to_json()) == card
    for plain in (ModelCard(), speaker_card(NetworkSettings("resnet34"))):
        assert ModelCard.from_json(plain.to_json()) == plain


def test_cards_of_older_schemas_say_the_same():
    assert ModelCard.from_json(json.dumps(OLDER)) == _card()
    first = {key: value for key, value in OLDER.items() if key != "pooling"} | {"schema": 1}
    assert ModelCard.from_json(json.dumps(first)) == _card()
    bare = OLDER | {"eer": None, "min_dcf": None, "thresholds": {}}
    card = ModelCard.from_json(json.dumps(bare))
    assert card.measured == {} and card.thresholds == {}


def test_json_is_stable_readable_and_says_its_schema():
    text = _card().to_json()
    assert text == ModelCard.from_json(text).to_json()
    assert json.loads(text)["schema"] == SCHEMA
    assert '\n  "task": "verification",\n' in text
    assert "Bücher" in text
    assert text.endswith("}\n")


def test_numpy_numbers_become_plain_ones():
    card = _card(
        measured={"eer": np.float32(0.5)},
        bits={"a": np.int64(3)},
        decision={"thresholds": {"eer": np.float64(0.25)}},
    )
    fields = json.loads(card.to_json())
    assert (fields["measured"], fields["bits"]) == ({"eer": 0.5}, {"a": 3})
    assert fields["decision"] == {"thresholds": {"eer": 0.25}}


def test_speaker_verification_reads_its_tables():
    card = _card()
    check_speaker_card(card, "card")
    assert network_of(card) == NETWORK
    assert front_end_of(card) == FRONT_END
    assert card.thresholds == {"eer": 0.4, "far_0.01": 0.5}
    assert ModelCard().thresholds == {}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"extra": 1}, "unknown key 'extra'"),
        ({"schema": 99}, "schema 99"),
        ({"schema": True}, "schema True"),
        ({"task": ""}, "'task' of the model card must not be empty"),
        ({"task": 3}, "'task' of the model card must be text"),
        ({"network": "resnet18"}, "'network'.*table"),
        ({"network": {"": 1}}, "'network'.*must not be empty"),
        ({"ends": []}, "'ends'.*table"),
        ({"ends": {"a": float("inf")}}, "'ends'.*finite number"),
        ({"bits": {"a": 9}}, "'bits'.*1 to 8"),
        ({"bits": {"a": 0}}, "'bits'.*1 to 8"),
        ({"bits": {"a": 15}}, "'bits'.*1 to 8, or 16"),
        ({"bits": {"a": 17}}, "'bits'.*1 to 8, or 16"),
        ({"bits": {"a": 32}}, "'bits'.*1 to 8, or 16"),
        ({"scheme": 4}, "'scheme'.*text"),
        ({"measured": {"eer": "low"}}, "'measured'.*finite number"),
        ({"measured": {"eer": True}}, "'measured'.*finite number"),
        ({"decision": {"thresholds": float("nan")}}, "'decision'.*finite number"),
        ({"decision": 3}, "'decision'.*table"),
        ({"versions": {"tensorflow": 2}}, "'versions'.*text"),
        ({"notes": None}, "'notes'.*text"),
    ],
)
def test_wrong_fields_name_the_source_in_one_line(changes, message):
    text = json.dumps({**json.loads(_card().to_json()), **changes})
    with pytest.raises(InputError, match=message) as caught:
        ModelCard.from_json(text, source="runs/a/card.json")
    assert str(caught.value).startswith("runs/a/card.json: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"extra": 1}, "unknown key 'extra'"),
        ({"network": ""}, "'network' of the model card must not be empty"),
        ({"network": 3}, "'network' of the model card must be text"),
        ({"channels": 1.5}, "'channels'.*whole number"),
        ({"channels": True}, "'channels'.*whole number"),
        ({"bins": 0}, "'bins'.*at least 1"),
        ({"embedding_size": "256"}, "'embedding_size'.*received '256'"),
        ({"front_end": []}, "'front_end'.*table"),
        ({"bits": {"a": 9}}, "'bits'.*1 to 8"),
        ({"scheme": 4}, "'scheme'.*text"),
        ({"eer": 1.2}, "'eer'.*between 0 and 1"),
        ({"eer": "low"}, "'eer'.*finite number"),
        ({"min_dcf": True}, "'min_dcf'.*finite number"),
        ({"thresholds": {"eer": None}}, "'thresholds'.*finite number"),
        ({"thresholds": {"eer": float("nan")}}, "'thresholds'.*finite number"),
        ({"versions": {"tensorflow": 2}}, "'versions'.*text"),
        ({"notes": None}, "'notes'.*text"),
    ],
)
def test_wrong_fields_of_older_cards_are_refused(changes, message):
    with pytest.raises(InputError, match=message) as caught:
        ModelCard.from_json(json.dumps(OLDER | changes), source="runs/a/card.json")
    assert str(caught.value).startswith("runs/a/card.json: ")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"task": None}, "task None, not of speaker verification"),
        ({"task": "separation"}, "task 'separation'.*tfsv.Runner"),
        ({"network": {}}, "key 'name' is missing"),
        ({"network": {"name": "a", "channels": 0}}, "'bins' is missing|whole number"),
        ({"ends": {}}, "'front_end' is missing"),
        ({"ends": {"front_end": 1}}, "'front_end'.*table"),
        ({"ends": {"front_end": {}, "more": 1}}, "unknown key 'more'"),
        ({"decision": {"thresholds": {"eer": "high"}}}, "'thresholds'.*finite number"),
        ({"decision": {"thresholds": 3}}, "'thresholds'.*table"),
        ({"measured": {"eer": 1.5}}, "'eer'.*between 0 and 1"),
    ],
)
def test_wrong_tables_of_speaker_verification_are_refused(changes, message):
    with pytest.raises(InputError, match=message) as caught:
        check_speaker_card(_card(**changes), "a.tflite")
    assert str(caught.value).startswith("a.tflite: ")


@pytest.mark.parametrize("missing", [f.name for f in dataclasses.fields(ModelCard)] + ["schema"])
def test_missing_keys(missing):
    fields = json.loads(_card().to_json())
    del fields[missing]
    with pytest.raises(InputError, match=f"card.json: .*'{missing}'"):
        ModelCard.from_json(json.dumps(fields), source="card.json")


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "null", "\0"])
def test_text_that_is_no_card(text):
    with pytest.raises(InputError, match="^card.json: not a model card"):
        ModelCard.from_json(text, source="card.json")


def test_a_layer_may_have_16_bits():
    card = _card(bits={"a": 16, "b": 4})
    assert ModelCard.from_json(card.to_json()).bits == {"a": 16, "b": 4}


def test_a_card_that_could_not_be_read_back_is_not_written():
    with pytest.raises(InputError, match="'measured'"):
        _card(measured={"eer": float("nan")}).to_json()
    with pytest.raises(InputError, match="'bits'"):
        _card(bits={"a": 12}).to_json()


def test_package_versions_are_text():
    versions = package_versions()
    assert versions["tensorflow"].startswith("2.16")
    _card(versions=versions).to_json()
