import collections
import time

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
from absl import logging

from tfsv.audio.manifest import Manifest, Utterance, read_manifest
from tfsv.errors import InputError
from tfsv.text_files import unwritable
from tfsv.verification.trials import (
    Trials,
    make_trials,
    read_trials,
    write_scores,
    write_trials,
)


def _manifest(speakers, utterances=4, sessions=2, **extra) -> Manifest:
    """`speakers`: name -> extra columns, or a number of speakers."""
    if isinstance(speakers, int):
        speakers = {f"s{i}": extra for i in range(speakers)}
    return Manifest(
        "m.tsv",
        [
            Utterance(f"{s}-{u}", s, f"d{u % sessions}", f"{s}/{u}.wav", 2.0, "test", columns)
            for s, columns in speakers.items()
            for u in range(utterances)
        ],
    )


def _pairs(trials: Trials) -> list[tuple[int, str, str]]:
    names = trials.names
    return [
        (int(label), names[e], names[t])
        for label, e, t in zip(trials.labels, trials.enrol, trials.test, strict=True)
    ]


def test_reads_the_voxceleb_form(tmp_path):
    path = tmp_path / "trials.txt"
    path.write_text("1 a/1.wav a/2.wav\r\n0 a/1.wav  b/1.wav\n\n0 c/é.wav a/2.wav")
    trials = read_trials(path)
    assert _pairs(trials) == [
        (1, "a/1.wav", "a/2.wav"),
        (0, "a/1.wav", "b/1.wav"),
        (0, "c/é.wav", "a/2.wav"),
    ]
    assert len(trials.names) == 4 and len(trials) == 3
    assert (trials.labels.dtype, trials.enrol.dtype) == (np.uint8, np.int32)


FORMS = {
    "voxceleb": "1 a/1.wav a/2.wav\n0 a/1.wav b/1.wav\n",
    "kaldi": "a/1.wav a/2.wav target\na/1.wav b/1.wav nontarget\n",
    "wespeaker with tabs": "a/1.wav\ta/2.wav\ttarget\na/1.wav\tb/1.wav\tnontarget\n",
    "cnceleb": "a/1.wav a/2.wav 1\na/1.wav b/1.wav 0\n",
    "sitw": "a/1.wav  a/2.wav tgt\na/1.wav  b/1.wav imp\n",
    "nist key": "modelid\tsegmentid\tside\ttargettype\tphone\n"
    "a/1.wav\ta/2.wav\ta\ttarget\t\na/1.wav\tb/1.wav\ta\tnontarget\tsame\n",
    "nist with blanks": "modelid segment side targettype\n\n"
    "a/1.wav a/2.wav a target\na/1.wav  b/1.wav a nontarget\n",
    "label in front": "Label Enroll Test\nTarget a/1.wav a/2.wav\nNon-Target a/1.wav b/1.wav\n",
    "commas": "path1,path2,label\na/1.wav,a/2.wav,1\na/1.wav,b/1.wav,0\n",
    "commas and blanks": "a/1.wav, a/2.wav, 1\na/1.wav, b/1.wav , 0\n\n",
    "quotes": '"","enrol","test","label"\n'
    '"1","a/1.wav","a/2.wav",TRUE\n"2","a/1.wav","b/1.wav",FALSE\n',
    "other names of columns": "enrollment_wav test_wav target\n"
    "a/1.wav a/2.wav 1\na/1.wav b/1.wav 0\n",
    "blanks behind tabs": "a/1.wav\ta/2.wav\ttarget \na/1.wav\tb/1.wav\tnontarget \n",
    "commas without header": "a/1.wav,a/2.wav,1\na/1.wav,b/1.wav,0\n",
}


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("form", FORMS)
def test_forms_of_the_field(tmp_path, form, mark, ending):
    path = tmp_path / "list.txt"
    path.write_bytes((mark + FORMS[form].replace("\n", ending)).encode())
    trials = read_trials(path)
    assert _pairs(trials) == [(1, "a/1.wav", "a/2.wav"), (0, "a/1.wav", "b/1.wav")]
    assert trials.labels.dtype == np.uint8
    lines = FORMS[form].split("\n")
    assert all(
        trials.names[i] in lines[n - 1] for n, i in zip(trials.lines, trials.test, strict=True)
    )


def test_a_trial_that_looks_like_a_header_is_a_trial(tmp_path):
    path = tmp_path / "list.txt"
    path.write_text("utt1 utt2 target\nutt1 utt3 nontarget\n")
    assert _pairs(read_trials(path)) == [(1, "utt1", "utt2"), (0, "utt1", "utt3")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("modelid\tsegmentid\tside\nm\ts\ta\n", ":1: its header names no column of labels"),
        ("modelid segmentid key\nm s target\nm s\n", ":3: 2 fields, but the header names 3"),
        ("modelid segmentid side key\nm s a target\nm s b imp\n", ":3: side 'b': lists do not"),
        ("modelid segmentid key\nm s maybe\n", ":2: expected the label"),
        ("modelid\tsegmentid\tkey\nm\t\ttarget\n", ":2: the field segmentid is empty"),
    ],
)
def test_bad_list_with_a_header(tmp_path, text, message):
    path = tmp_path / "trials.txt"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_trials(path)
    assert str(caught.value).startswith(f"{path}{message}")


def test_a_label_with_something_invisible_is_shown(tmp_path):
    path = tmp_path / "trials.txt"
    path.write_text("a b target\na c non\u00adtarget\n")
    with pytest.raises(InputError, match=r":2: .*received 'non\\xadtarget'"):
        read_trials(path)


def test_utf16_is_told(tmp_path):
    path = tmp_path / "trials.txt"
    path.write_text("1 a b\n", encoding="utf-16")
    with pytest.raises(InputError, match=r"trials\.txt: not UTF-8 text but UTF-16"):
        read_trials(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", ":1: lists no trial"),
        ("\n\n", ":1: lists no trial"),
        ("1 a b\n\n0 a\n", ":3: 2 fields, expected 3"),
        ("1 a b\n0 a b c\n0 a\n", ":2: 4 fields, expected 3"),
        ("1 a\nb 0 a b\n", ":1: 2 fields"),
        ("1 a b\n\n2 a b\n", ":3: expected the label 1 (same speaker) or 0"),
        ("a b c\n", ":1: expected the label"),
        ("a b 1\na b \u200btarget\n", ":2: expected the label"),
        ("1 b 1\n0 a 0\n", ": first and last fields are labels alike"),
        ("1\u00a0a b\n", ":1: 2 fields, expected 3: label enrol test"),
        ("1\ta\tb\n0\ta b\n", ":2: 2 fields, expected 3 between tabs"),
        ("1,a,b\n1,a\n", ":2: 2 fields, expected 3, separated by commas"),
        ("1,a,b\n1,,b\n", ":2: a field is empty"),
        (
            '1,"a b",c\n1,"a b,c\n1,a,b\n',
            ":2: a tab or line break in a field; does a quote not end?",
        ),
        ("enrol,test,label\n", ": lists no trial after its header"),
        ("a b 1.0\n", ":1: expected the label"),
        (
            "version https://git-lfs.github.com/spec/v1\noid sha256:1\n",
            ": not a trial list: a pointer",
        ),
    ],
)
def test_bad_list(tmp_path, text, message):
    path = tmp_path / "trials.txt"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_trials(path)
    assert str(caught.value).startswith(f"{path}{message}")
    assert "\n" not in str(caught.value)


def test_names_within_quotes(tmp_path):
    path = tmp_path / "trials.csv"
    path.write_text('"a b.wav","c, ""d"".wav","1"\n"a b.wav",e.wav,0\n')
    assert _pairs(read_trials(path)) == [(1, "a b.wav", 'c, "d".wav'), (0, "a b.wav", "e.wav")]


def test_names_with_commas_between_blanks(tmp_path):
    path = tmp_path / "trials.txt"
    path.write_text('1 a, b,c\n0 "a,b" c,"d"\n')
    assert _pairs(read_trials(path)) == [(1, "a,", "b,c"), (0, '"a,b"', 'c,"d"')]


def test_labels_that_contradict_and_recordings_against_themselves_are_told(tmp_path, monkeypatch):
    told = []
    monkeypatch.setattr(logging, "warning", lambda text, *values: told.append(text % values))
    path = tmp_path / "trials.txt"
    path.write_text("1 a b\n1 a b\n0 a c\n")
    assert len(read_trials(path)) == 3 and not told  # twice the same is no contradiction
    path.write_text("1 a b\n1 c c\n0 c b\n0 b a\n0 c c\n")
    read_trials(path)
    assert told == [
        f"{path}:4: b and a are a pair with the other label in line 1 (2 pairs have both labels);"
        " delete the wrong lines",
        f"{path}:2: a recording is compared with itself (2 of 5 trials), which measures nothing",
    ]
    # A model is no recording, even if a recording has its name.
    told.clear()
    (tmp_path / "enroll.txt").write_text("a x\nc y\n")
    path.write_text("1 a c\n0 c a\n")
    read_trials(path, tmp_path / "enroll.txt")
    assert not told


def test_unreadable_list(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_trials(tmp_path / "absent.txt")
    (tmp_path / "a").write_bytes(b"1 \xff\xfe b")
    with pytest.raises(InputError, match="not UTF-8"):
        read_trials(tmp_path / "a")


@hypothesis.settings(max_examples=30, deadline=None)
@hypothesis.given(
    st.lists(
        st.text("ab é/.", min_size=1, max_size=5).filter(lambda name: name == name.strip()),
        min_size=1,
        max_size=6,
        unique=True,
    ),
    st.integers(0, 2**32),
)
def test_round_trip(tmp_path_factory, names, seed):
    path = tmp_path_factory.mktemp("t") / "trials.txt"
    rng = np.random.default_rng(seed)
    enrol, test = rng.integers(len(names), size=(2, 9)).astype(np.int32)
    trials = Trials(rng.integers(2, size=9).astype(np.uint8), enrol, test, names)
    write_trials(path, trials)
    assert _pairs(read_trials(path)) == _pairs(trials)


@hypothesis.settings(max_examples=50, deadline=None)
@hypothesis.example(["FALSE", "1", "target"])
@hypothesis.given(
    st.lists(
        st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=6).filter(
            lambda name: unwritable(name) is None and name != "\0"
        ),
        min_size=1,
        max_size=5,
        unique=True,
    )
)
def test_any_name_can_be_taken_from_scores_and_lists(tmp_path_factory, names):
    path = tmp_path_factory.mktemp("t") / "scores.txt"
    sides = np.arange(len(names), dtype=np.int32)
    trials = Trials(np.ones(len(names), np.uint8), sides, sides[::-1], names)
    write_scores(path, trials, np.linspace(-1, 1, len(names)).astype(np.float32))
    lines = path.read_bytes().decode().split("\n")[:-1]
    fields = [line.split("\t" if "\t" in lines[0] else None) for line in lines]
    assert [row[:3] for row in fields] == [
        ["1", names[e], names[t]] for e, t in zip(sides, sides[::-1], strict=True)
    ]
    assert float(fields[0][3]) == -1
    write_trials(path, trials)
    assert _pairs(read_trials(path)) == _pairs(trials)


def test_unwritable_name(tmp_path):
    one = np.zeros(1, np.int32)
    with pytest.raises(InputError, match="tab or line break"):
        write_trials(tmp_path / "t", Trials(np.ones(1, np.uint8), one, one, ["a\tb"]))
    assert not list(tmp_path.iterdir())


def test_580000_lines_are_read_in_seconds(tmp_path):
    path = tmp_path / "trials.txt"
    names = [f"id{i % 1000:05d}/video{i % 7}/{i:05d}.wav" for i in range(5000)]
    rng = np.random.default_rng(0)
    trials = Trials(
        rng.integers(2, size=580_000).astype(np.uint8),
        *rng.integers(5000, size=(2, 580_000)).astype(np.int32),
        names,
    )
    write_trials(path, trials)
    start = time.process_time()
    again = read_trials(path)
    assert time.process_time() - start < 4  # 0.7 s on an idle core
    assert np.array_equal(again.labels, trials.labels)
    assert [again.names[i] for i in again.test[:50]] == [names[i] for i in trials.test[:50]]


SPEAKERS = st.dictionaries(
    st.integers(0, 99).map("s{}".format),
    st.fixed_dictionaries(
        {"corpus": st.sampled_from(["x", "y"]), "sex": st.sampled_from(["F", "M", ""])}
    ),
    min_size=13,
    max_size=16,
)


@hypothesis.settings(max_examples=25, deadline=None)
@hypothesis.given(SPEAKERS, st.integers(2, 5), st.integers(1, 300), st.integers(1, 300))
def test_what_make_trials_promises(speakers, utterances, targets, nontargets):
    manifest = _manifest(speakers, utterances)
    trials = make_trials(manifest, targets=targets, nontargets=nontargets, seed=3)
    by_path = {u.path: u for u in manifest}
    pairs = _pairs(trials)
    assert len({frozenset(pair[1:]) for pair in pairs}) == len(pairs)
    for label, a, b in pairs:
        assert a != b
        assert label == (by_path[a].speaker == by_path[b].speaker)
        assert by_path[a].extra == by_path[b].extra
    groups = collections.Counter(
        (columns["corpus"], columns["sex"]) for columns in speakers.values()
    )
    most = len(speakers) * utterances * (utterances - 1) // 2
    most_different = sum(n * (n - 1) // 2 * utterances**2 for n in groups.values())
    assert trials.labels.sum() == min(targets, most)
    assert len(trials) - trials.labels.sum() == min(nontargets, most_different)
    per_speaker = collections.Counter(by_path[a].speaker for label, a, _ in pairs if label)
    shares = [per_speaker[s] for s in speakers]
    assert max(shares) - min(shares) <= 1


def test_different_sessions_are_preferred():
    manifest = _manifest(5, utterances=6, sessions=2)  # 9 of 15 pairs of a speaker are across
    sessions = {u.path: u.session for u in manifest}

    def within(targets):
        pairs = _pairs(make_trials(manifest, targets=targets, nontargets=1))
        return sum(sessions[a] == sessions[b] for label, a, b in pairs if label)

    assert within(45) == 0
    assert within(50) == 5


def test_same_seed_same_list():
    manifest = _manifest(6)
    one, same, other = (
        _pairs(make_trials(manifest, targets=20, nontargets=20, seed=s)) for s in (1, 1, 2)
    )
    assert one == same and one != other


def test_large_groups_are_drawn_without_listing_all_pairs():
    manifest = _manifest(80, utterances=20)
    trials = make_trials(manifest, targets=100, nontargets=50_000)
    pairs = _pairs(trials)
    assert len({frozenset(pair[1:]) for pair in pairs}) == len(pairs) == 50_100
    assert all((a[:3] == b[:3]) == label for label, a, b in pairs if a[2] != "/" != b[2])
    counts = collections.Counter(a.split("/")[0] for label, a, _ in pairs if not label)
    assert min(counts.values()) > 450  # 625 expected


def test_speaker_with_one_utterance_is_a_nontarget_only(caplog):
    alone = Utterance("one", "alone", "d", "alone/1.wav", 2.0, "test", {})
    manifest = Manifest("m.tsv", [*_manifest(3), alone])
    with _Warnings() as warnings:
        pairs = _pairs(make_trials(manifest, targets=18, nontargets=60))
    assert {label for label, a, b in pairs if "alone" in a + b} == {0}
    assert any("1 speakers with one utterance" in w and "alone" in w for w in warnings)


def test_fewer_pairs_than_wanted_is_a_warning():
    with _Warnings() as warnings:
        trials = make_trials(_manifest(2), targets=100, nontargets=100)
    assert (int(trials.labels.sum()), len(trials)) == (12, 28)
    assert ["12 target trials, not 100" in warnings[0], "16 non" in warnings[1]] == [
        True,
        True,
    ]


@pytest.mark.parametrize(
    ("manifest", "numbers", "message"),
    [
        (_manifest(3, utterances=1), (1, 1), "no speaker has two utterances"),
        (_manifest(1), (1, 1), "no two speakers of one corpus and sex"),
        (_manifest({"a": {"sex": "F"}, "b": {"sex": "M"}}), (1, 1), "no two speakers"),
        (_manifest(3), (0, 1), "at least 1 target"),
        (_manifest(3), (1, 0), "at least 1 target"),
    ],
)
def test_impossible_lists(manifest, numbers, message):
    with pytest.raises(InputError, match=message):
        make_trials(manifest, targets=numbers[0], nontargets=numbers[1])


def test_real_speech_lists(real_speech):
    manifest = read_manifest(real_speech.manifest)
    by_path = {u.path: u for u in manifest}
    trials = read_trials(real_speech.root / "trials" / "dev.txt")
    enrol, test = ([by_path[trials.names[i]] for i in side] for side in (trials.enrol, trials.test))
    same = [a.speaker == b.speaker for a, b in zip(enrol, test, strict=True)]
    assert np.array_equal(trials.labels, same)
    made = make_trials(manifest.split("dev"), targets=2000, nontargets=4000)
    assert (len(made), made.labels.sum()) == (6000, 2000)


class _Warnings:
    """Collects what absl logs as warnings, as text."""

    def __enter__(self) -> list[str]:
        self.lines: list[str] = []
        self.handler = logging.logging.Handler()
        self.handler.emit = lambda record: self.lines.append(record.getMessage())
        logging.get_absl_logger().addHandler(self.handler)
        return self.lines

    def __exit__(self, *_):
        logging.get_absl_logger().removeHandler(self.handler)
