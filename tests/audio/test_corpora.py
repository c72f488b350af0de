import json
import os

import hypothesis
import hypothesis.strategies as st
import pytest

from tfsv.audio.corpora import CORPORA, Skipped
from tfsv.errors import InputError


def _corpus(root, *paths: str):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()
    return root


def _read(name: str, root) -> tuple[dict, dict]:
    """(path -> (utterance, speaker, session, split), path -> reason of the skipped)."""
    found = list(CORPORA[name](root))
    kept = [u for u in found if not isinstance(u, Skipped)]
    assert all(u.seconds == 0 for u in kept)
    return (
        {u.path: (u.utterance, u.speaker, u.session, u.split) for u in kept},
        {s.path: s.reason for s in found if isinstance(s, Skipped)},
    )


def test_voxceleb1(tmp_path):
    _corpus(
        tmp_path,
        "dev/wav/id10001/1zcIwhmdeo4/00001.wav",
        "test/wav/id10300/abc/00002.wav",
        "wav/id10270/x6uYqmx31kE/00001.wav",  # unpacked into one folder: by the official list
        "wav/id10310/-def/00001.flac",
        "wav/notes/a/b.wav",
        "wav/id10001/._x/._00001.wav",
    )
    kept, skipped = _read("voxceleb1", tmp_path)
    assert kept == {
        "dev/wav/id10001/1zcIwhmdeo4/00001.wav": (
            "id10001-1zcIwhmdeo4-00001",
            "id10001",
            "1zcIwhmdeo4",
            "train",
        ),
        "test/wav/id10300/abc/00002.wav": (
            "id10300-abc-00002",
            "id10300",
            "abc",
            "test",
        ),
        "wav/id10270/x6uYqmx31kE/00001.wav": (
            "id10270-x6uYqmx31kE-00001",
            "id10270",
            "x6uYqmx31kE",
            "test",
        ),
        "wav/id10310/-def/00001.flac": (
            "id10310--def-00001",
            "id10310",
            "-def",
            "train",
        ),
    }
    assert list(skipped) == ["wav/notes/a/b.wav"]


def test_voxceleb_names_that_join_alike(tmp_path):
    _corpus(tmp_path, "id10001/a-1/2.wav", "id10001/a/1-2.wav", "id10001/b/1.wav")
    kept, _ = _read("voxceleb1", tmp_path)
    assert [fields[0] for fields in kept.values()] == [
        "id10001/a/1-2", "id10001/a-1/2", "id10001-b-1",
    ]  # fmt: skip


def test_voxceleb2_takes_conversions_and_lists_what_has_none(tmp_path):
    _corpus(
        tmp_path,
        "dev/aac/id00012/abc/00001.m4a",
        "dev/aac/id00012/abc/00002.m4a",
        "wav/id00012/abc/00001.wav",
        "test/aac/id00017/abc/00001.flac",
    )
    kept, skipped = _read("voxceleb2", tmp_path)
    assert {path: fields[3] for path, fields in kept.items()} == {
        "dev/aac/id00012/abc/00002.m4a": "train",  # the inspection says how to convert it
        "wav/id00012/abc/00001.wav": "train",
        "test/aac/id00017/abc/00001.flac": "test",
    }
    assert not skipped


def test_cnceleb(tmp_path):
    _corpus(
        tmp_path,
        "data/id00001/singing-01-002.flac",
        "data/id00800/vlog-02-001.flac",
        "data/id10001/live_broadcast-01-001.wav",
        "data/id00001/strange.wav",
    )
    kept, skipped = _read("cnceleb", tmp_path)
    assert kept == {
        "data/id00001/singing-01-002.flac": (
            "id00001-singing-01-002",
            "id00001",
            "singing-01",
            "train",
        ),
        "data/id00800/vlog-02-001.flac": (
            "id00800-vlog-02-001",
            "id00800",
            "vlog-02",
            "test",
        ),
        "data/id10001/live_broadcast-01-001.wav": (
            "id10001-live_broadcast-01-001",
            "id10001",
            "live_broadcast-01",
            "train",
        ),
    }
    assert list(skipped) == ["data/id00001/strange.wav"]


def test_cnceleb_evaluation_is_not_taken_twice(tmp_path):
    _corpus(
        tmp_path,
        "data/id00800/vlog-02-001.flac",
        "eval/enroll/id00800-enroll.flac",
        "eval/test/id00800-vlog-02-001.flac",
    )
    kept, _ = _read("cnceleb", tmp_path)
    assert kept == {
        "eval/enroll/id00800-enroll.flac": (
            "id00800-enroll",
            "id00800",
            "enroll",
            "test",
        ),
        "eval/test/id00800-vlog-02-001.flac": (
            "id00800-vlog-02-001",
            "id00800",
            "vlog-02",
            "test",
        ),
    }


def test_librispeech(tmp_path):
    root = _corpus(
        tmp_path / "LibriSpeech",
        "train-clean-100/19/198/19-198-0001.flac",
        "dev-clean/84/121/84-121-0000.flac",
        "test-other/1/2/1-2-0000.flac",
        "extra/1/2/a.flac",
    )
    (root / "SPEAKERS.TXT").write_text("; ID | SEX\n19 | F | train | 25.1 | Kara\n84 | M | dev\n")
    kept, skipped = _read("librispeech", root)
    assert kept["train-clean-100/19/198/19-198-0001.flac"] == (
        "19-198-0001",
        "ls19",
        "198",
        "train",
    )
    assert [fields[3] for _, fields in sorted(kept.items())] == ["dev", "test", "train"]
    assert list(skipped) == ["extra/1/2/a.flac"]
    for start in (root, root / "train-clean-100"):
        (one,) = [u for u in CORPORA["librispeech"](start) if getattr(u, "speaker", "") == "ls19"]
        assert (one.extra["sex"], one.split) == ("F", "train")


def test_librispeech_with_other_names(tmp_path):
    _corpus(tmp_path, "dev-clean/84/121/1.flac", "dev-clean/85/121/1.flac")
    (tmp_path / "SPEAKERS.TXT").write_bytes("\ufeff; ID\r\n84 | M | dev\r\n".encode())
    kept, _ = _read("librispeech", tmp_path)
    assert [fields[:2] for fields in kept.values()] == [("84-121-1", "ls84"), ("85-121-1", "ls85")]
    assert next(CORPORA["librispeech"](tmp_path)).extra["sex"] == "M"
    (tmp_path / "SPEAKERS.TXT").write_text("84 | M | dev\n84 | F | dev\n")
    with pytest.raises(InputError, match=r"SPEAKERS\.TXT:2: speaker 84 has another sex"):
        list(CORPORA["librispeech"](tmp_path))


def test_audiomnist(tmp_path):
    _corpus(tmp_path, "data/01/7_01_23.wav", "data/02/7_01_23.wav", "data/12/0_12_0.wav")
    meta = {"01": {"gender": "male"}, "12": {"gender": "female"}}
    (tmp_path / "data" / "audioMNIST_meta.txt").write_text(json.dumps(meta))
    kept, skipped = _read("audiomnist", tmp_path)
    assert kept["data/01/7_01_23.wav"] == ("am01-7-23", "am01", "single", "")
    assert list(skipped) == ["data/02/7_01_23.wav"]
    extras = [u.extra for u in CORPORA["audiomnist"](tmp_path) if not isinstance(u, Skipped)]
    assert [(e["sex"], e["text"]) for e in extras] == [("M", "7"), ("F", "0")]
    (tmp_path / "data" / "audioMNIST_meta.txt").write_text("{")
    with pytest.raises(InputError, match=r"audioMNIST_meta\.txt: not the JSON"):
        list(CORPORA["audiomnist"](tmp_path))


def test_kaldi(tmp_path):
    train, cut = tmp_path / "train", tmp_path / "cut"
    train.mkdir()
    cut.mkdir()
    (train / "wav.scp").write_text(
        "s1-a /corpus/s1/day 1/a.wav\ns1-b sph2pipe -f wav b.sph |\ns2-a\trel/s2/a.wav\nx x.wav\n"
    )
    (train / "utt2spk").write_text("s1-a s1\ns1-b s1\ns2-a s2\n")
    (train / "spk2gender").write_text("s1 f\ns2 m\n")
    (cut / "wav.scp").write_text("rec rec.wav\n")
    (cut / "utt2spk").write_text("rec-1 s3\n")
    (cut / "segments").write_text("rec-1 rec 0 1\n")
    kept, skipped = _read("kaldi", tmp_path)
    relative = os.path.relpath("rel/s2/a.wav", tmp_path)
    assert kept == {
        "/corpus/s1/day 1/a.wav": ("s1-a", "s1", "day 1", "train"),
        relative: ("s2-a", "s2", "s2", "train"),
    }
    assert "pipe" in skipped["s1-b"] and "utt2spk" in skipped["x"] and "segments" in skipped["rec"]
    found = [u for u in CORPORA["kaldi"](train) if not isinstance(u, Skipped)]
    assert [u.extra for u in found] == [{"sex": "F"}, {"sex": "M"}]


def test_bad_kaldi_directory(tmp_path):
    with pytest.raises(InputError, match=r"no wav\.scp"):
        list(CORPORA["kaldi"](tmp_path))
    (tmp_path / "wav.scp").write_text("a a.wav\nb\n")
    with pytest.raises(InputError, match="utt2spk: cannot be read"):
        list(CORPORA["kaldi"](tmp_path))
    (tmp_path / "utt2spk").write_text("a s\n")
    with pytest.raises(InputError, match=r"wav\.scp:2: expected a key and a value"):
        list(CORPORA["kaldi"](tmp_path))


@pytest.mark.parametrize(
    ("table", "lines", "message"),
    [
        ("utt2spk", "a s1\nb s1\na s2\n", r"utt2spk:3: the key 'a' is in .*utt2spk:1 too \('s1'"),
        ("utt2spk", "a s1\nb s1\n\na s1\n", r"utt2spk:4: the key 'a'"),
        ("wav.scp", "a a.wav\nb b.wav\na c.wav\n", r"wav\.scp:3: the key 'a' is in .*wav\.scp:1"),
        ("spk2gender", "s1 f\ns1 m\n", r"spk2gender:2: the key 's1'"),
    ],
)
def test_a_key_that_kaldi_tables_repeat(tmp_path, table, lines, message):
    (tmp_path / "wav.scp").write_text("a a.wav\nb b.wav\n")
    (tmp_path / "utt2spk").write_text("a s1\nb s1\n")
    (tmp_path / table).write_text(lines)
    with pytest.raises(InputError, match=message):
        list(CORPORA["kaldi"](tmp_path))


def test_kaldi_directories_that_disagree(tmp_path):
    for name, path, speaker in (("dev", "a.wav", "s1"), ("test", "a.wav", "s1")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "wav.scp").write_text(f"x {path}\n")
        (tmp_path / name / "utt2spk").write_text(f"x {speaker}\n")
    assert len(list(CORPORA["kaldi"](tmp_path))) == 2
    (tmp_path / "test" / "utt2spk").write_text("x s2\n")
    with pytest.raises(InputError, match=r"test/utt2spk:1: 'x' has the speaker 's2', but 's1' in"):
        list(CORPORA["kaldi"](tmp_path))
    (tmp_path / "test" / "utt2spk").write_text("x s1\n")
    (tmp_path / "test" / "wav.scp").write_text("x b.wav\n")
    with pytest.raises(InputError, match=r"test/wav\.scp:1: 'x' has the recording 'b\.wav'"):
        list(CORPORA["kaldi"](tmp_path))


def test_a_recording_of_two_speakers_in_kaldi_tables(tmp_path):
    (tmp_path / "wav.scp").write_text("a x.wav\nb x.wav\n")
    (tmp_path / "utt2spk").write_text("a s1\nb s2\n")
    with pytest.raises(InputError, match=r"utt2spk:2: 'x\.wav' has the speaker 's2', but 's1' in"):
        list(CORPORA["kaldi"](tmp_path))


def test_kaldi_tables_of_other_systems_and_with_other_blanks(tmp_path):
    (tmp_path / "wav.scp").write_bytes("\ufeffv\u00a01 /s/v\u00a01.wav\r\n\r\n".encode())
    (tmp_path / "utt2spk").write_bytes("\ufeffv\u00a01\ts\u30001 \r\n".encode())
    kept, _ = _read("kaldi", tmp_path)
    assert kept == {"/s/v\u00a01.wav": ("v\u00a01", "s\u30001", "s", "")}
    (tmp_path / "utt2spk").write_text("a s", encoding="utf-16")
    with pytest.raises(InputError, match="utt2spk: not UTF-8 text but UTF-16"):
        list(CORPORA["kaldi"](tmp_path))


def test_what_kaldi_tables_do_not_say_together(tmp_path):
    (tmp_path / "wav.scp").write_text("a /x/./a.wav\nb /x/w.ark:123\nd /x/d.wav\n")
    (tmp_path / "utt2spk").write_text("a s1\nb s1\nc s1\nd s2\n")
    (tmp_path / "spk2gender").write_text("s1 Female\ns2 unknown\n")
    kept, skipped = _read("kaldi", tmp_path)
    assert [fields[0] for fields in kept.values()] == ["a", "d"]
    assert "archive" in skipped["b"] and "wav.scp does not" in skipped["c"]
    found = [u for u in CORPORA["kaldi"](tmp_path) if not isinstance(u, Skipped)]
    assert [u.extra for u in found] == [{"sex": "F"}, {}]
    (tmp_path / "wav.scp").write_text("a /x/./a.wav\nd /x/a.wav\n")
    with pytest.raises(InputError, match=r"utt2spk:4: '/x/a\.wav' has the speaker 's2', but 's1'"):
        list(CORPORA["kaldi"](tmp_path))
    (tmp_path / "utt2spk").write_text("a s1\nd s2 f\n")
    with pytest.raises(InputError, match=r"utt2spk:2: .* one word, received 's2 f'"):
        list(CORPORA["kaldi"](tmp_path))
    (tmp_path / "utt2spk").write_text("a s1\n")
    (tmp_path / "wav.scp").write_text("")
    with pytest.raises(InputError, match=r"wav\.scp: lists no recording"):
        list(CORPORA["kaldi"](tmp_path))


def test_tree(tmp_path):
    _corpus(
        tmp_path,
        "ann/mon/1.wav",
        "ann/mon/take 2/1.OGG",
        "bob/1.mp3",
        "bob/2.m4a",
        "bob/notes.txt",
        "stray.flac",
    )
    kept, skipped = _read("tree", tmp_path)
    assert kept == {
        "ann/mon/1.wav": ("ann-mon-1", "ann", "mon", ""),
        "ann/mon/take 2/1.OGG": ("ann-mon-take 2-1", "ann", "mon/take 2", ""),
        "bob/1.mp3": ("bob-1", "bob", "single", ""),
        "bob/2.m4a": ("bob-2", "bob", "single", ""),
    }
    assert list(skipped) == ["stray.flac"]


def test_paths_that_join_alike_have_identifiers_of_their_own(tmp_path):
    paths = ["anna/1-2.wav", "anna/1/2.wav", "anna-1/2.wav", "bea/day.wav", "bea/day.flac"]
    _corpus(tmp_path, *paths, "anna-1/3.wav")
    kept, skipped = _read("tree", tmp_path)
    assert {path: fields[0] for path, fields in kept.items()} == {
        **{path: path for path in paths},
        "anna-1/3.wav": "anna-1-3",
    }
    assert not skipped


@hypothesis.settings(max_examples=50, deadline=None)
@hypothesis.given(
    st.lists(
        st.lists(st.text("a-. #", min_size=1, max_size=3), min_size=2, max_size=4),
        min_size=1,
        max_size=12,
    ),
    st.sampled_from(["wav", "flac"]),
)
def test_identifiers_are_unique_whatever_the_names(tmp_path_factory, trees, ending):
    root = tmp_path_factory.mktemp("corpus")
    for parts in trees:
        path = root.joinpath(*(part.strip(".") or "x" for part in parts[:-1]))
        path = path / f"{parts[-1].lstrip('.')}x.{ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        path.with_suffix(".ogg").touch()
    kept, skipped = _read("tree", root)
    assert len({fields[0] for fields in kept.values()}) == len(kept) and not skipped


def test_tree_with_splits_on_top(tmp_path):
    _corpus(tmp_path, "train/ann/mon/1.wav", "test/bob/1.wav")
    kept, _ = _read("tree", tmp_path)
    assert kept["train/ann/mon/1.wav"] == ("ann-mon-1", "ann", "mon", "train")
    assert kept["test/bob/1.wav"] == ("bob-1", "bob", "single", "test")


@pytest.mark.parametrize("astray", ["valid/cem/1.wav", "noise.wav", "train/1.wav"])
def test_splits_among_others_are_not_taken_as_speakers(tmp_path, astray):
    _corpus(tmp_path, "train/ann/mon/1.wav", "test/bob/1.wav", astray)
    with pytest.raises(InputError, match=f"test and train may be splits or .*{astray} is not in"):
        list(CORPORA["tree"](tmp_path))


def test_a_speaker_may_be_called_test(tmp_path):
    _corpus(tmp_path, "test/mon/1.wav", "bob/mon/1.wav")
    kept, _ = _read("tree", tmp_path)
    assert [fields[1] for fields in kept.values()] == ["bob", "test"]


def test_links_are_followed_once(tmp_path):
    _corpus(tmp_path / "disk", "ann/1.wav")
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "ann").symlink_to(tmp_path / "disk" / "ann")
    (tmp_path / "disk" / "ann" / "loop").symlink_to(tmp_path / "corpus")
    kept, _ = _read("tree", tmp_path / "corpus")
    assert list(kept) == ["ann/1.wav"]


@pytest.mark.parametrize("name", CORPORA)
def test_nothing_there(tmp_path, name):
    with pytest.raises(InputError, match="no wav.scp" if name == "kaldi" else "no sound file"):
        list(CORPORA[name](tmp_path))
    with pytest.raises(InputError, match="absent: no such folder; 'root' names"):
        list(CORPORA[name](tmp_path / "absent"))


def test_all_readers_are_found():
    assert sorted(CORPORA) == [
        "audiomnist", "cnceleb", "kaldi", "librispeech", "tree", "voxceleb1", "voxceleb2",
    ]  # fmt: skip
