"""Whether files are whole, container by container."""

import io
import os
import struct

import numpy as np
import odd_sounds
import pytest
import soundfile
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from odd_sounds import FRAMES, RATE, written

from tfsv.audio.containers import examine, open_sound
from tfsv.audio.soundfiles import read, sound_info
from tfsv.errors import InputError

WHOLE = odd_sounds.whole()
STATING = {  # containers whose headers hold a length, and bytes of a header that must be there
    "WAV": 44, "WAVEX": 80, "RF64": 104, "W64": 104, "AIFF": 54, "AU": 28, "NIST": 1024, "VOC": 42,
    "CAF": 4096, "SVX": 120, "FLAC": 90, "AVR": 128, "WVE": 32, "MPC2K": 42, "SDS": 21,
}  # fmt: skip


def _refusal(path) -> str:
    with pytest.raises(InputError) as caught:
        sound_info(path)
    assert str(caught.value).startswith(f"{path}: ") and "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", WHOLE)
def test_harmless_mistakes_and_unknown_lengths_are_read_to_the_end(tmp_path, name):
    path = tmp_path / "a.wav"
    path.write_bytes(WHOLE[name])
    info = sound_info(path)
    assert info.seconds * info.rate == pytest.approx(FRAMES, abs=1)
    if info.rate != RATE:  # VOC's byte for the rate
        return
    waveform = read(path)
    expected = odd_sounds.speechlike()
    loss = np.mean((waveform[:FRAMES] - expected[: len(waveform)]) ** 2) / np.mean(expected**2)
    limit = 2.5 if name.startswith("MP3") else 0.2  # mp3 keeps no waveform of noise
    assert loss < (limit if "OPUS" not in name else 2.5)


@pytest.mark.parametrize("container", STATING)
@given(share=st.floats(0, 1, exclude_max=True))
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_file_that_is_shorter_than_its_header_says_is_truncated(tmp_path, container, share):
    content = written(container, "ALAW" if container == "WVE" else "PCM_16")
    kept = STATING[container] + int(share * (len(content) - 8 - STATING[container]))
    sound = 16_000 if container == "WVE" else 32_000
    assume(not sound <= kept <= sound + 12)  # as if the length that is stated counted the header
    path = tmp_path / "a.wav"
    path.write_bytes(content[:kept])
    assert "truncated" in _refusal(path) and "copy it again" in _refusal(path)


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
@given(share=st.floats(0, 1, exclude_max=True))
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_cut_ogg_page_is_truncated_and_a_wrong_one_damaged(tmp_path, subtype, share):
    content = written("OGG", subtype, 3.0)
    first = len(b"".join(odd_sounds.pages(content)[:2]))
    place = first + 1 + int(share * (len(content) - first - 2))
    path = tmp_path / "a.ogg"
    path.write_bytes(content[:place])
    boundaries = np.cumsum([len(page) for page in odd_sounds.pages(content)])
    if place not in boundaries:
        assert "truncated" in _refusal(path)
    path.write_bytes(content[:place] + bytes([content[place] ^ 0x55]) + content[place + 1 :])
    assert "damaged" in _refusal(path) or "truncated" in _refusal(path)


def test_pages_that_are_missing_in_an_ogg(tmp_path):
    pages = odd_sounds.pages(written("OGG", "VORBIS", 20.0))
    path = tmp_path / "a.ogg"
    path.write_bytes(b"".join(pages[:5] + pages[6:]))
    assert "pages are missing" in _refusal(path)
    path.write_bytes(b"".join(pages[:2] + pages[6:]))  # a stream that was joined late
    assert 5 < sound_info(path).seconds < 20


@pytest.mark.parametrize("name", odd_sounds.several())
def test_several_files_in_one_are_refused_with_a_remedy(tmp_path, name):
    path = tmp_path / "a.wav"
    path.write_bytes(odd_sounds.several()[name])
    reason = _refusal(path)
    assert "libsndfile reads" in reason and "ffmpeg" in reason and "copy" not in reason


@pytest.mark.parametrize("tag", [b"", odd_sounds.TAG], ids=["bare", "tagged"])
@pytest.mark.parametrize("pause", [0.0, 1.0])
def test_all_frames_of_an_mp3_without_xing_frame_are_heard(tmp_path, tag, pause):
    file = io.BytesIO()
    sound = np.concatenate([np.zeros(int(pause * RATE)), odd_sounds.speechlike(6.0)])
    with soundfile.SoundFile(
        file, "w", RATE, 1, format="MP3", subtype="MPEG_LAYER_III",
        bitrate_mode="VARIABLE", compression_level=0.5,
    ) as writer:  # fmt: skip
        writer.write(sound)
    xing, *frames = odd_sounds.mp3_frames(file.getvalue())
    assert b"Xing" in xing or b"Info" in xing
    path = tmp_path / "a.mp3"
    path.write_bytes(tag + b"".join(frames))
    assert sound_info(path).seconds == pytest.approx(len(frames) * 576 / RATE, abs=0.04)
    with_xing = soundfile.read(io.BytesIO(file.getvalue()))[0]
    with_xing /= max(1, np.abs(with_xing).max())  # as overshoot is scaled
    heard = read(path)
    lag = np.argmax(np.correlate(heard[:40000], with_xing[20000:30000], "valid"))
    same = heard[lag : lag + 60000]  # the very same frames
    np.testing.assert_allclose(same, with_xing[20000:80000], atol=1e-3)


def test_mp3s_one_behind_the_other_are_heard_both(tmp_path):
    content = odd_sounds.mp3_of_variable_rate()
    path = tmp_path / "a.mp3"
    for files in (2 * content, content + b"ID3\x03\0\0\0\0\0\x0a" + bytes(10) + content):
        path.write_bytes(files)
        assert sound_info(path).seconds == pytest.approx(12.0, abs=0.2)


@pytest.mark.parametrize("behind", [odd_sounds.APE, odd_sounds.APE + odd_sounds.TAIL, bytes(5000)])
def test_much_behind_the_last_frame_of_an_mp3_of_unknown_length_is_no_damage(tmp_path, behind):
    frames = odd_sounds.mp3_frames(written("MP3", bitrate_mode="CONSTANT"))[1:]
    path = tmp_path / "a.mp3"
    path.write_bytes(b"".join(frames) + behind)
    assert sound_info(path).seconds == pytest.approx(len(frames) * 576 / RATE, abs=0.04)


def test_a_large_tag_between_two_mp3s_hides_neither(tmp_path):
    frames = b"".join(odd_sounds.mp3_frames(odd_sounds.mp3_of_variable_rate())[1:])
    tag = b"ID3\x03\0\0\0\x06\0\0" + bytes(6 << 14)
    path = tmp_path / "a.mp3"
    path.write_bytes(frames + tag + frames)
    assert sound_info(path).seconds == pytest.approx(12.0, abs=0.3)


def test_an_mp3_in_a_wav_is_whole_or_truncated(tmp_path):
    content = b"".join(odd_sounds.mp3_frames(written("MP3", bitrate_mode="CONSTANT"))[1:])
    coding = struct.pack("<HHIIHHHHIHHH", 0x55, 1, RATE, 4000, 1, 0, 12, 1, 2, 144, 1, 1393)
    chunks = b"fmt " + struct.pack("<I", 30) + coding + b"data" + struct.pack("<I", len(content))
    path = tmp_path / "a.wav"
    path.write_bytes(b"RIFF" + struct.pack("<I", 50 + len(content)) + b"WAVE" + chunks + content)
    assert sound_info(path).seconds == pytest.approx(FRAMES / RATE, abs=0.2)
    path.write_bytes(path.read_bytes()[: -len(content) // 2])
    assert "truncated" in _refusal(path)


def test_sound_behind_what_a_wav_states_is_not_lost_without_a_word(tmp_path):
    path = tmp_path / "a.wav"
    for stated, behind, bytes_unread in (
        (8000, b"", 24000),
        (31998, b"", 0),
        (None, bytes(9000), 0),
        (None, odd_sounds.APE, 0),
        (None, b"LIST" + struct.pack("<I", 9000) + bytes(9000), 0),
    ):
        path.write_bytes(odd_sounds.wav(None, stated) + behind)
        found = [line for line in sound_info(path).warnings if "not read" in line]
        assert [line.split()[0] for line in found] == [str(bytes_unread)] * bool(bytes_unread)


@pytest.mark.parametrize("junk", [bytes(700), bytes(range(1, 255)) * 3], ids=["zeros", "bytes"])
def test_junk_around_the_frames_of_an_mp3(tmp_path, junk):
    content = odd_sounds.mp3_of_variable_rate()
    path = tmp_path / "a.mp3"
    for files in (junk + content, content + junk):
        path.write_bytes(files)
        assert sound_info(path).seconds == pytest.approx(6.0, abs=0.1)


def test_damage_is_placed_where_it_may_be(tmp_path):
    content = written("FLAC", seconds=10.0)
    path = tmp_path / "a.flac"
    for share, place in ((0.1, "in its first 4 s"), (0.6, "between 4.00 and 8.00 s")):
        start = int(share * len(content))
        path.write_bytes(content[:start] + bytes(300) + content[start + 300 :])
        assert place in _refusal(path)


@pytest.mark.parametrize(
    "target, reason",
    [
        ("gone.wav", "a link to gone.wav, where no file is"),
        ("../.git/annex/objects/1/x.wav", "git annex get"),
        ("a.wav", "symbolic links"),
        ("/dev/zero", "not a file"),
        (".", "not a file"),
    ],
)
def test_links_that_lead_to_no_recording(tmp_path, target, reason):
    path = tmp_path / "a.wav"
    path.symlink_to(target)
    assert reason in _refusal(path)


def test_names_of_any_bytes_and_any_length(tmp_path):
    path = os.fsdecode(os.fsencode(tmp_path) + b"/\xff.wav")
    with open(path, "wb") as file:
        file.write(odd_sounds.wav())
    assert sound_info(path).seconds == FRAMES / RATE
    assert "cannot be read" in _refusal(tmp_path / f"{'a' * 300}.wav")


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.wav")
    assert "not a file" in _refusal(tmp_path / "a.wav")


def test_a_flac_that_states_more_frames_or_fewer(tmp_path):
    path = tmp_path / "a.flac"
    path.write_bytes(odd_sounds.flac(FRAMES + 5000))
    assert "truncated" in _refusal(path)
    path.write_bytes(odd_sounds.flac(0)[:-4000])
    assert "truncated" in _refusal(path)


def test_a_recording_of_no_length_is_empty_and_not_of_unknown_length(tmp_path):
    path = tmp_path / "a.wav"
    for content in (written("WAV", "PCM_16", 0.0), written("AIFF", "PCM_16", 0.0)):
        for behind in (b"", b"LIST\x04\0\0\0INFO" if content[:4] == b"RIFF" else b""):
            path.write_bytes(content + behind)
            assert "too short: 0 samples" in _refusal(path)


def test_opening_leaves_no_file_open_and_reads_what_libsndfile_reads(tmp_path):
    path = tmp_path / "a.caf"
    soundfile.write(path, odd_sounds.speechlike(), RATE)
    assert examine(path).pieces == ()
    with open_sound(path) as sound:
        np.testing.assert_array_equal(
            sound.read_block(FRAMES)[:, 0], soundfile.read(path, dtype="float32")[0]
        )
        assert len(sound.read_block(10)) == 0
