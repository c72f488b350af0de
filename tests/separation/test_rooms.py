"""Rooms are where they should be, and sound travels in them as it must."""

import dataclasses
import sys

import numpy as np
import pytest

from tfsv.errors import InputError
from tfsv.separation.angle_ranges import NAMES, pairs_by_range, range_of
from tfsv.separation.microphones import LINE_OF_15, MicrophoneArray
from tfsv.separation.reverberation import absorption, image_order, reverberation_time
from tfsv.separation.room_draws import CLEARANCE, Room, draw_room
from tfsv.separation.room_settings import RoomSettings
from tfsv.separation.rooms import response_taps, room_responses

SETTINGS = RoomSettings(seed=3, t60=(0.05, 0.7))
DRY = dataclasses.replace(SETTINGS, t60=(0.05, 0.05), largest=(5.0, 5.0, 3.0))
ROOMS = [draw_room(SETTINGS, number, LINE_OF_15) for number in range(60)]


def test_talkers_stand_in_the_room_in_front_of_the_line():
    for room in ROOMS:
        sides, middle = np.array(room.sides), np.array(room.middle)
        assert (sides >= SETTINGS.smallest).all() and (sides <= SETTINGS.largest).all()
        sources, microphones = np.array(room.sources), room.microphones(LINE_OF_15)
        for places in (sources, microphones):
            assert (places >= CLEARANCE - 1e-9).all() and (places <= sides - CLEARANCE + 1e-9).all()
        np.testing.assert_allclose(microphones.mean(axis=0), middle, atol=1e-9)
        to_first = microphones[0] - middle
        cosines = (sources - middle) @ to_first / 0.28 / np.array(room.distances)
        np.testing.assert_allclose(np.degrees(np.arccos(cosines)), room.angles)
        front = np.cross((to_first - (microphones[-1] - middle))[:2], (sources - middle)[:, :2])
        assert (front <= 1e-9).all() or (front >= -1e-9).all()
        np.testing.assert_allclose(np.linalg.norm(sources - middle, axis=1), room.distances)
        assert min(room.distances) >= 1 - 1e-9 and max(room.distances) <= 5 + 1e-9
        assert all(len(pairs) for pairs in pairs_by_range(np.array(room.angles)))


def test_draws_fill_their_ranges():
    t60 = np.array([room.t60 for room in ROOMS])
    assert 0.05 <= t60.min() < 0.12 and 0.63 < t60.max() <= 0.7
    angles = np.concatenate([room.angles for room in ROOMS])
    counts, _ = np.histogram(angles, 6, (0, 180))
    assert counts.min() > 0.6 * len(angles) / 6
    assert draw_room(SETTINGS, 7, LINE_OF_15) == ROOMS[7]
    assert draw_room(dataclasses.replace(SETTINGS, seed=4), 7, LINE_OF_15) != ROOMS[7]


def test_a_room_that_cannot_be_is_one_line():
    cell = dataclasses.replace(SETTINGS, smallest=(1.2, 1.2, 2.5), largest=(1.2, 1.2, 2.5))
    with pytest.raises(InputError, match=r"a room of 1\.2 × 1\.2 × 2\.5 m has no place") as caught:
        draw_room(cell, 0, LINE_OF_15)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"rooms": 0}, "rooms=0: expected"),
        ({"sources": 3}, "sources=3: expected 4"),
        ({"smallest": (0.5, 4.0, 2.5)}, "smallest="),
        ({"largest": (3.0, 8.0, 6.0)}, "largest=.*at least the smallest"),
        ({"t60": (0.0, 0.7)}, "t60="),
        ({"t60": (float("nan"), 0.7)}, "t60="),
        ({"distance": (5.0, 1.0)}, "distance=.*the lesser one first"),
        ({"longest": 60.0}, "longest=60"),
    ],
)
def test_settings_that_cannot_be_are_one_line(changed, message):
    with pytest.raises(InputError, match=message):
        dataclasses.replace(SETTINGS, **changed)


def test_direct_sound_arrives_in_time_and_falls_with_distance():
    pytest.importorskip("pyroomacoustics")
    room = draw_room(DRY, 0, LINE_OF_15)
    responses = room_responses(room, LINE_OF_15, 600)
    places, sources = room.microphones(LINE_OF_15), np.array(room.sources)
    distances = np.linalg.norm(sources[:, np.newaxis] - places, axis=2)
    for source, microphone in np.ndindex(distances.shape):
        distance, response = distances[source, microphone], responses[source, microphone]
        peak = int(np.abs(response).argmax())
        assert abs(peak - distance / 343 * 16000) <= 1
        # What a delay by parts of a sample spreads around its peak adds up to the amplitude.
        around = response[max(0, peak - 8) : peak + 9]
        frequency = np.exp(-2j * np.pi * 0.125 * np.arange(len(around)))  # 2 kHz
        assert 0.8 < abs(around @ frequency) * distance < 1.25


def test_differences_of_arrival_are_those_of_the_angle():
    """Far away and without reflections the wave is plane."""
    pytest.importorskip("pyroomacoustics")
    room = Room(0, (40.0, 40.0, 3.0), 0.02, (20.0, 5.0, 1.5), 180.0, ((2.0, 23.0, 1.5),), (), ())
    seen = np.array(room.sources[0]) - room.middle
    degrees = np.degrees(np.arccos(seen[0] / np.linalg.norm(seen)))  # microphone 1 is at +x
    responses = room_responses(room, LINE_OF_15, 1600)[0]
    spectra = np.fft.rfft(responses, 2048)[:, 64]  # 500 Hz
    phases = np.angle(spectra / spectra[0])
    wanted = -2 * np.pi * 500 * LINE_OF_15.arrivals(degrees)
    assert np.abs(np.angle(np.exp(1j * (phases - wanted)))).max() < 0.1


@pytest.mark.parametrize(("sides", "t60"), [((6.0, 5.0, 3.0), 0.2), ((10.0, 8.0, 6.0), 0.3)])
def test_rooms_ring_about_as_long_as_asked_for(sides, t60):
    pyroomacoustics = pytest.importorskip("pyroomacoustics")
    room = draw_room(RoomSettings(smallest=sides, largest=sides, t60=(t60, t60)), 0, LINE_OF_15)
    two = MicrophoneArray((-0.28, 0.28), ())
    responses = room_responses(room, two, response_taps(room, RoomSettings()))
    times = [reverberation_time(response) for response in responses[:, 0]]
    assert 0.8 * t60 < np.median(times) < 1.25 * t60
    theirs = [
        pyroomacoustics.experimental.measure_rt60(response, fs=16000, decay_db=30)
        for response in responses[:, 0]
    ]
    np.testing.assert_allclose(times, theirs, rtol=0.12)


def test_a_time_that_sabine_cannot_have_is_had():
    assert 24 * np.log(10) * 480 / (343 * 376 * 0.05) > 1
    assert 0.98 < absorption((10.0, 8.0, 6.0), 0.05) < 1
    sabine = 24 * np.log(10) * 147 / (343 * 175 * 0.7)
    assert abs(absorption((7.0, 6.0, 3.5), 0.7) - sabine) < 0.02


def test_reverberation_time_of_noise_that_decays():
    noise = np.random.default_rng(0).normal(size=16000)
    for t60 in (0.1, 0.5):
        decaying = noise * 10 ** (-3 * np.arange(16000) / 16000 / t60)
        assert reverberation_time(decaying) == pytest.approx(t60, rel=0.05)
    assert reverberation_time(np.eye(1, 1000, 100)[0]) == 0
    assert reverberation_time(np.zeros(1000)) == 0


def test_order_covers_all_images_within_the_time():
    sides, seconds = np.array([4.0, 3.0, 2.5]), 0.05
    counts = np.stack(np.meshgrid(*[np.arange(-12, 13)] * 3), axis=-1).reshape(-1, 3)
    near = np.linalg.norm(counts * sides, axis=1) <= 343 * seconds
    assert np.abs(counts[near]).sum(axis=1).max() <= image_order(sides, seconds)


def test_responses_do_not_depend_on_settings_of_the_simulator():
    pyroomacoustics = pytest.importorskip("pyroomacoustics")
    room = draw_room(DRY, 1, LINE_OF_15)
    two = MicrophoneArray((-0.28, 0.28), ())
    first = room_responses(room, two, 600)
    constants = pyroomacoustics.constants
    before = constants.get("c")
    constants.set("c", 300.0)
    try:
        assert (room_responses(room, two, 600) == first).all() and constants.get("c") == 300.0
    finally:
        constants.set("c", before)


def test_without_the_package_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyroomacoustics", None)
    with pytest.raises(InputError, match=r"pip install 'tfsv\[separation\]'"):
        room_responses(ROOMS[0], LINE_OF_15, 600)


def test_ranges_of_angles():
    assert range_of(np.array([0, 14.9, 15, 44.9, 45, 90, 179, 180])).tolist() == [
        0, 0, 1, 1, 2, 3, 3, 3,
    ]  # fmt: skip
    degrees = np.array([0.0, 10.0, 50.0, 170.0])
    pairs = pairs_by_range(degrees)
    assert len(NAMES) == len(pairs) and sum(map(len, pairs)) == 12
    for number, (low, high) in enumerate([(0, 15), (15, 45), (45, 90), (90, 180)]):
        for one, other in pairs[number]:
            assert one != other and low <= abs(degrees[one] - degrees[other]) <= high
