"""What inspection passes, training decodes: the same frames, whichever decoder it asks."""

import numpy as np
import odd_sounds
import pytest
import tensorflow as tf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from odd_sounds import written

from tfsv.audio import decoding
from tfsv.audio.containers import open_sound
from tfsv.audio.pipeline_settings import DECODERS
from tfsv.audio.soundfiles import sound_info
from tfsv.errors import InputError

WHOLE = odd_sounds.whole()


def _agrees(path, decoder: str) -> None:
    """Decoding gives what inspection counted, and libsndfile's samples."""
    info = sound_info(path)
    sound, rate = decoding.decode(tf.constant(str(path)), decoder)
    assert (int(rate), sound.shape[1]) == (info.rate, info.channels)
    assert len(sound) == round(info.seconds * info.rate)
    with open_sound(path) as reader:
        expected = reader.read_block(len(sound))
    np.testing.assert_allclose(sound, expected, atol=1e-3)


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("name", WHOLE)
def test_all_that_inspection_passes_is_decoded_alike(tmp_path, name, decoder):
    path = tmp_path / "a.wav"
    path.write_bytes(WHOLE[name])
    _agrees(path, decoder)


@pytest.mark.parametrize("decoder", DECODERS)
def test_mp3_without_xing_frame_and_with_junk(tmp_path, decoder):
    content = odd_sounds.mp3_of_variable_rate()
    path = tmp_path / "a.mp3"
    for file in (b"".join(odd_sounds.mp3_frames(content)[1:]), bytes(300) + content, 2 * content):
        path.write_bytes(file)
        _agrees(path, decoder)


@given(
    riff=st.integers(0, 2**32 - 1) | st.integers(31900, 32100),
    data=st.integers(0, 2**32 - 1) | st.integers(31900, 32100) | st.integers(0, 32000),
    subtype=st.sampled_from(["PCM_U8", "PCM_16", "PCM_24", "FLOAT"]),
    front=st.sampled_from([b"", odd_sounds.TAG]),
    behind=st.binary(max_size=40),
)
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_wav_of_any_sizes_is_refused_or_decoded_alike(
    tmp_path, riff, data, subtype, front, behind
):
    path = tmp_path / "a.wav"
    path.write_bytes(front + odd_sounds.wav(riff, data, subtype) + behind)
    try:
        sound_info(path)
    except InputError:
        return
    _agrees(path, "tensorflow-io")


@pytest.mark.parametrize("container, subtype", [("WAV", "PCM_16"), ("OGG", "VORBIS")])
@given(place=st.integers(0, 100), value=st.integers(0, 255))
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_header_with_any_byte_changed_is_refused_or_decoded_alike(
    tmp_path, container, subtype, place, value
):
    path = tmp_path / "a.wav"
    content = bytearray(written(container, subtype))
    content[place] = value
    path.write_bytes(content)
    try:
        sound_info(path)
    except InputError:
        return
    _agrees(path, "tensorflow-io")


@pytest.mark.parametrize("decoder", DECODERS)
def test_a_file_of_no_use_is_an_error_with_its_reason(tmp_path, decoder):
    files = {
        "empty.ogg": (b"", "empty file"),
        "half.wav": (odd_sounds.wav()[:9000], "truncated"),
        "half.flac": (written("FLAC")[:9000], "damaged"),
        "page.mp3": (b"<html>", "download it again"),
        "two.ogg": (2 * written("OGG", "VORBIS"), "several Ogg streams"),
    }
    for name, (content, reason) in files.items():
        if decoder == "tensorflow-io" and name == "half.flac":
            continue  # may hang it; inspection refuses such a file
        (tmp_path / name).write_bytes(content)
        with pytest.raises(tf.errors.OpError, match=f"InputError: .*{name}.*{reason}"):
            decoding.decode(tf.constant(str(tmp_path / name)), decoder)
