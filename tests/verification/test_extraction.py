"""Embeddings of files: windows, shards, resume, errors that name the file."""

import numpy as np
import pytest
import soundfile
from speech_stub import SIZE, PitchEmbedder, person, write_people

from tfsv.errors import InputError
from tfsv.verification import extraction
from tfsv.verification.extraction import (
    StoredEmbeddings,
    embed_file,
    embed_long,
    extract_embeddings,
)
from tfsv.verification.windows import sounding_windows


@pytest.fixture
def paths(tmp_path):
    return [str(tmp_path / "speech" / path) for path in write_people(tmp_path / "speech", 3, 3)]


def test_embeddings_in_the_order_of_the_paths(paths):
    embedder = PitchEmbedder()
    embeddings = extract_embeddings(embedder, paths)
    assert embeddings.shape == (9, SIZE)
    assert embeddings.dtype == np.float32
    for path, embedding in zip(paths, embeddings, strict=True):
        np.testing.assert_array_equal(embedding, embed_file(embedder, path))


def test_long_audio_is_cut_into_equal_windows_and_averaged_by_their_sound():
    embedder = PitchEmbedder()
    waveform = np.concatenate([person(200, 3), person(400, 2.2)]).astype(np.float32)
    waveform[60_000:70_000] = 0
    embedding = embed_long(embedder, waveform, window_seconds=2.0)
    assert embedder.lengths == [27_734, 27_733, 27_733]
    parts = [PitchEmbedder().embed(part) for part in np.array_split(waveform, 3)]
    weights = [173, 174, 173 - 62]  # of 520 frames, 62 are silent and two touch the zeros
    expected = np.dot(weights, parts)
    np.testing.assert_allclose(embedding, expected / np.linalg.norm(expected), atol=5e-3)
    assert embedding.dtype == np.float32


@pytest.mark.parametrize(("samples", "windows"), [(32_000, 1), (32_001, 2), (64_000, 2)])
def test_number_of_windows(samples, windows):
    embedder = PitchEmbedder()
    embed_long(embedder, np.random.default_rng(0).normal(size=samples), window_seconds=2.0)
    assert len(embedder.lengths) == windows


@pytest.mark.parametrize("quiet", [0.0, 1e-4])
def test_windows_without_speech_are_not_embedded(quiet):
    embedder = PitchEmbedder()
    hiss = quiet * np.random.default_rng(0).normal(size=40_000)
    waveform = np.concatenate([hiss, person(200, 1.25), hiss]).astype(np.float32)
    embedding = embed_long(embedder, waveform, window_seconds=1.25)
    assert embedder.lengths == [20_000]
    np.testing.assert_allclose(embedding, PitchEmbedder().embed(waveform[40_000:60_000]), atol=1e-6)


def test_a_long_recording_of_silence_is_refused():
    with pytest.raises(InputError, match="silent"):
        embed_long(PitchEmbedder(), np.zeros(48_000, np.float32), window_seconds=1.0)


def test_windows_that_cancel_are_an_error():
    waveform = np.random.default_rng(0).normal(size=32_000)
    parts = sounding_windows(waveform, 1.0)
    answers = [-parts[0][1], parts[1][1]]

    class Contrary(PitchEmbedder):
        def embed(self, waveform):
            return np.array([answers.pop(), 0])

    with pytest.raises(InputError, match="windows cancel"):
        embed_long(Contrary(), waveform, window_seconds=1.0)


def test_8_khz_and_stereo_are_heard_alike(tmp_path):
    reference = PitchEmbedder().embed(person(300, 1).astype(np.float32))
    soundfile.write(tmp_path / "8k.wav", person(300, 1, rate=8_000), 8_000)
    both = person(300, 1)
    soundfile.write(tmp_path / "stereo.flac", np.stack([both, both], axis=1), 16_000)
    for name in ("8k.wav", "stereo.flac"):
        assert embed_file(PitchEmbedder(), tmp_path / name) @ reference > 0.99


def _spoil(path, how):
    if how == "missing":
        path.unlink()
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "text":
        path.write_text("no audio at all\n" * 100)
    elif how == "truncated":
        path.write_bytes(path.read_bytes()[:3_000])
    elif how == "silent":
        soundfile.write(path, np.zeros(8_000), 16_000)
    elif how == "one sample":
        soundfile.write(path, np.array([0.5]), 16_000)


@pytest.mark.parametrize("how", ["missing", "empty", "text", "truncated", "silent", "one sample"])
def test_a_bad_file_stops_the_extraction_and_is_named(paths, tmp_path, how):
    bad = tmp_path / "speech" / "p1" / "1.wav"
    _spoil(bad, how)
    with pytest.raises(InputError, match="p1/1.wav") as caught:
        extract_embeddings(PitchEmbedder(), paths)
    assert "\n" not in str(caught.value)


def test_what_the_model_refuses_is_named_too(paths):
    class Deaf(PitchEmbedder):
        def embed(self, waveform):
            raise InputError("nothing heard")

    with pytest.raises(InputError, match="p0/0.wav: nothing heard"):
        extract_embeddings(Deaf(), paths)


def test_no_paths():
    with pytest.raises(InputError, match="the list is empty"):
        extract_embeddings(PitchEmbedder(), [])


@pytest.fixture
def small_shards(monkeypatch):
    monkeypatch.setattr(extraction, "_SHARD", 4)


def test_shards_are_kept_and_read_again(paths, tmp_path, small_shards):
    folder = tmp_path / "embeddings"
    first = extract_embeddings(PitchEmbedder(), paths, folder=folder, identity="a")
    assert sorted(file.name for file in folder.rglob("*.npy")) == [
        "00000.npy",
        "00001.npy",
        "00002.npy",
    ]
    again = PitchEmbedder()
    second = extract_embeddings(again, paths, folder=folder, identity="a")
    assert again.lengths == []
    np.testing.assert_array_equal(first, second)


def test_a_killed_run_goes_on_where_it_was(paths, tmp_path, small_shards):
    class Mortal(PitchEmbedder):
        def embed(self, waveform):
            if len(self.lengths) == 6:
                raise KeyboardInterrupt
            return super().embed(waveform)

    folder = tmp_path / "embeddings"
    with pytest.raises(KeyboardInterrupt):
        extract_embeddings(Mortal(), paths, folder=folder, identity="a")
    assert [file.name for file in folder.rglob("*") if file.is_file()] == ["00000.npy"]
    survivor = PitchEmbedder()
    embeddings = extract_embeddings(survivor, paths, folder=folder, identity="a")
    assert len(survivor.lengths) == 5
    np.testing.assert_array_equal(embeddings, extract_embeddings(PitchEmbedder(), paths))


@pytest.mark.parametrize("damage", ["truncated", "empty", "other size", "nan"])
def test_a_damaged_shard_is_made_again(paths, tmp_path, small_shards, damage):
    folder = tmp_path / "embeddings"
    expected = extract_embeddings(PitchEmbedder(), paths, folder=folder, identity="a")
    shard = next(folder.rglob("00001.npy"))
    if damage == "truncated":
        shard.write_bytes(shard.read_bytes()[:300])
    elif damage == "empty":
        shard.write_bytes(b"")
    else:
        np.save(shard, np.full((3 if damage == "other size" else 4, SIZE), np.nan, np.float32))
    embedder = PitchEmbedder()
    found = extract_embeddings(embedder, paths, folder=folder, identity="a")
    np.testing.assert_array_equal(found, expected)
    assert len(embedder.lengths) == 4
    np.testing.assert_array_equal(np.load(shard)[:, :-2], expected[4:8])


def test_another_model_window_order_or_recording_gets_other_shards(paths, tmp_path):
    def computed(**changes):
        embedder = PitchEmbedder()
        settings = {"paths": paths, "identity": "a", **changes}
        extract_embeddings(embedder, folder=tmp_path / "embeddings", **settings)
        return len(embedder.lengths)

    assert computed() == 9
    assert computed() == 0
    assert computed(identity="b") == 9
    assert computed(window_seconds=5.0) == 9
    assert computed(paths=paths[::-1]) == 9
    soundfile.write(paths[2], person(777, seconds=0.7), 16_000)
    assert computed() == 9


def test_shards_need_an_identity_and_a_folder_to_write(paths, tmp_path):
    with pytest.raises(InputError, match="need the model's identity"):
        extract_embeddings(PitchEmbedder(), paths, folder=tmp_path / "embeddings")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="not a folder that can be written"):
        extract_embeddings(PitchEmbedder(), paths, folder=tmp_path / "file", identity="a")
    with pytest.raises(InputError, match="gone.wav: cannot be read"):
        extract_embeddings(
            PitchEmbedder(), [*paths, "gone.wav"], folder=tmp_path / "e", identity="a"
        )


def test_real_speech(real_speech):
    files = real_speech.some_files(6)
    embeddings = extract_embeddings(PitchEmbedder(), files)
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-5)


def test_stored_embeddings_are_those_of_the_recordings_and_zero_for_a_damaged_one(
    paths, tmp_path, monkeypatch
):
    monkeypatch.setattr(extraction, "_SHARD", 4)
    with open(paths[4], "wb") as file:
        file.write(b"RIFF")
    stored = StoredEmbeddings(PitchEmbedder(), paths, tmp_path / "kept", "pitch")
    found = stored(np.array([8, 4, 0, 0]))
    assert stored.size == SIZE and found.dtype == np.float32
    assert not found[1].any()
    for row, path in ((0, paths[8]), (2, paths[0]), (3, paths[0])):
        np.testing.assert_array_equal(found[row], embed_file(PitchEmbedder(), path))


def test_stored_embeddings_go_on_after_a_kill(paths, tmp_path, monkeypatch):
    monkeypatch.setattr(extraction, "_SHARD", 4)

    class Killed(PitchEmbedder):
        def embed(self, waveform):
            if len(self.lengths) == 5:
                raise KeyboardInterrupt
            return super().embed(waveform)

    with pytest.raises(KeyboardInterrupt):
        StoredEmbeddings(Killed(), paths, tmp_path / "kept", "pitch")
    again = PitchEmbedder()
    StoredEmbeddings(again, paths, tmp_path / "kept", "pitch")
    assert len(again.lengths) == 5


def test_stored_embeddings_of_nothing_but_damaged_recordings_are_refused(paths, tmp_path):
    for path in paths:
        with open(path, "wb") as file:
            file.write(b"RIFF")
    with pytest.raises(InputError, match="neither it nor any other recording can be embedded"):
        StoredEmbeddings(PitchEmbedder(), paths, tmp_path / "kept", "pitch")
