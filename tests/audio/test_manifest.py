import hypothesis
import hypothesis.strategies as st
import pytest

from tfsv.audio.manifest import Utterance, read_manifest, write_manifest
from tfsv.errors import InputError
from tfsv.text_files import unwritable

HEADER = "utterance\tspeaker\tsession\tpath\tseconds\tsplit"
LINE = "u1\ts1\ta\ts1/a/u1.wav\t2.5\ttrain"


def _written(tmp_path, *lines: str):
    path = tmp_path / "manifest.tsv"
    path.write_text("".join(line + "\n" for line in lines))
    return path


def test_reads_what_the_columns_say(tmp_path):
    path = _written(
        tmp_path,
        "sex\tutterance\tspeaker\tsession\tpath\tseconds\tsplit",
        "F\t" + LINE,
        "\tu2\ts0\ta\t/far/u2.wav\t1\ttest",
    )
    manifest = read_manifest(path)
    assert manifest.utterances == [
        Utterance("u1", "s1", "a", "s1/a/u1.wav", 2.5, "train", {"sex": "F"}),
        Utterance("u2", "s0", "a", "/far/u2.wav", 1.0, "test", {"sex": ""}),
    ]
    assert manifest.speakers == ["s0", "s1"]
    assert manifest.splits == ["test", "train"]
    assert [manifest.absolute(u) for u in manifest] == [
        f"{tmp_path}/s1/a/u1.wav",
        "/far/u2.wav",
    ]
    part = manifest.split("test", "dev")
    assert [u.utterance for u in part] == ["u2"] and part.root == tmp_path and len(part) == 1
    with pytest.raises(InputError, match="no utterance in split dev; it has test, train"):
        manifest.split("dev")


def test_a_recording_has_one_speaker(tmp_path):
    path = tmp_path / "manifest.tsv"
    rows = [Utterance(f"u{i}", f"s{i}", "", "a.wav", 2.0, "train", {}) for i in (1, 2)]
    message = r"'a\.wav' has the speaker 's2', but 's1' further up"
    with pytest.raises(InputError, match=message):
        write_manifest(path, rows)
    fields = [["u1", "s1", "", "a.wav", "2.0", "train"], ["u2", "s2", "", "a.wav", "2.0", "train"]]
    lines = [HEADER, *map("\t".join, fields)]
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(InputError, match=f":3: {message}"):
        read_manifest(path)
    channels = [f"{line}\t{end}" for line, end in zip(lines, ("channel", "1", "2"), strict=True)]
    path.write_text("\n".join([*channels, "\t" * 6, "  ", ""]))
    assert read_manifest(path).speakers == ["s1", "s2"]


def test_line_ends_and_byte_order_mark_of_other_systems(tmp_path):
    path = tmp_path / "manifest.tsv"
    path.write_bytes(f"\ufeff{HEADER}\r\n{LINE}\r\n".encode())
    assert [u.split for u in read_manifest(path)] == ["train"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], ":1: empty"),
        ([HEADER], ":1: lists no utterance"),
        ([HEADER.replace("\tseconds", ""), LINE], ":1: column 'seconds' is missing"),
        ([HEADER + "\tsplit", LINE + "\ttrain"], ":1: a column is named twice"),
        ([HEADER, LINE, LINE], ":3: duplicate utterance id 'u1'"),
        (['"utterance"' + HEADER[9:], LINE], ":1: column 'utterance' is missing"),
        (["<html><body>"], ": not a manifest: a web page"),
        (
            [HEADER, LINE.replace("2.5", "long")],
            ":2: seconds: expected a number, received 'long'",
        ),
        ([HEADER, LINE.replace("2.5", "-1")], ":2: seconds: expected a positive"),
        ([HEADER, LINE.replace("2.5", "nan")], ":2: seconds: expected a positive"),
        ([HEADER, LINE.replace("\ts1\t", "\t\t")], ":2: speaker is empty"),
        ([HEADER, LINE.replace("u1\t", "\t", 1)], ":2: utterance is empty"),
        ([HEADER, LINE, "u2\ts1"], ":3: 2 fields, expected 6"),
        ([HEADER, LINE + "\tmore"], ":2: 7 fields, expected 6"),
    ],
)
def test_bad_manifest(tmp_path, lines, message):
    path = _written(tmp_path, *lines)
    with pytest.raises(InputError) as caught:
        read_manifest(path)
    assert str(caught.value).startswith(f"{path}{message}")
    assert "\n" not in str(caught.value)


def test_unreadable_manifest(tmp_path):
    with pytest.raises(InputError, match=r"absent\.tsv: cannot be read as a manifest \(No such"):
        read_manifest(tmp_path / "absent.tsv")
    with pytest.raises(InputError, match=r"cannot be read as a manifest \(Is a dir"):
        read_manifest(tmp_path)
    (tmp_path / "a.wav").write_bytes(bytes(range(256)))
    with pytest.raises(InputError, match="not UTF-8"):
        read_manifest(tmp_path / "a.wav")


def test_speaker_with_one_utterance_is_kept(tmp_path):
    assert read_manifest(_written(tmp_path, HEADER, LINE)).speakers == ["s1"]


NAMES = st.text(
    st.characters(exclude_categories=("Cs",)).filter(lambda name: not unwritable(name)),
    min_size=1,
    max_size=8,
).filter(str.strip)


@hypothesis.settings(max_examples=30, deadline=None)
@hypothesis.given(
    st.lists(
        st.builds(
            Utterance,
            NAMES,
            NAMES,
            NAMES,
            NAMES,
            st.integers(25, 10**7).map(lambda n: n / 1000),
            st.sampled_from(["train", "dev"]),
            st.fixed_dictionaries({"corpus": st.text("abc", max_size=2)}),
        ),
        min_size=1,
        max_size=8,
        unique_by=lambda u: u.utterance,
    )
)
def test_round_trip(tmp_path_factory, utterances):
    path = tmp_path_factory.mktemp("m") / "manifest.tsv"
    write_manifest(path, utterances)
    assert read_manifest(path).utterances == utterances


def test_columns_of_all_utterances_are_written(tmp_path):
    a = Utterance("a", "s", "x", "a.wav", 1.0, "train", {"sex": "F"})
    b = Utterance("b", "s", "x", "b.wav", 1.0, "train", {"text": "yes"})
    write_manifest(tmp_path / "m.tsv", [a, b])
    extras = [u.extra for u in read_manifest(tmp_path / "m.tsv")]
    assert extras == [{"sex": "F", "text": ""}, {"sex": "", "text": "yes"}]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"path": "a\tb.wav"}, "tab or line break"),
        ({"path": "a\nb.wav"}, "tab or line break"),
        ({"path": "a\udcffb.wav"}, "a byte in its name that is not UTF-8"),
        ({"speaker": ""}, "speaker is empty"),
        ({"utterance": "first"}, "duplicate"),
        ({"seconds": 0.0}, "positive"),
    ],
)
def test_nothing_half_written(tmp_path, changed, message):
    first = Utterance("first", "s", "x", "a.wav", 1.0, "train")
    fields = dict(utterance="u", speaker="s", session="x", path="p", seconds=1.0, split="dev")
    path = tmp_path / "m.tsv"
    path.write_text("as before")
    with pytest.raises(InputError, match=message):
        write_manifest(path, [first, Utterance(**{**fields, **changed})])
    assert path.read_text() == "as before"
    assert [p.name for p in tmp_path.iterdir()] == ["m.tsv"]
    with pytest.raises(InputError, match="no utterance to write"):
        write_manifest(path, [])


def test_real_speech_manifest(real_speech):
    manifest = read_manifest(real_speech.manifest)
    assert len(manifest.speakers) > 700
    assert manifest.splits == ["dev", "mismatch", "test", "train"]
    assert set(manifest.utterances[0].extra) == {"corpus", "language", "sex", "text"}
