"""Records become flags, and flags the same records."""

import dataclasses

import pytest
from absl import flags
from hypothesis import given
from hypothesis import strategies as st

from tfsv.commands.flags import define, made
from tfsv.errors import InputError
from tfsv.jobs.settings import FineTuning, FloatTraining, Quantization
from tfsv.settings import group, require, setting


@dataclasses.dataclass(frozen=True)
class Inner:
    widths: tuple[int, ...] = setting((), "Widths.")
    factors: tuple[float, ...] = setting((1.0, 0.9), "Factors.")
    words: tuple[str, ...] = setting(("a",), "Words.")
    ends: tuple[float, float] = setting((0.0, 15.0), "Both ends.")
    seed: int = setting(3, "Seed of all.")
    secret: int = 7


@dataclasses.dataclass(frozen=True)
class Outer:
    count: int = setting(5, "Count.")
    size: int | None = setting(None, "Size.")
    rate: float = setting(0.5, "Rate.", flag="first_rate")
    decay: float | None = setting(None, "Decay.")
    text: str = setting("some", "Text.")
    folder: str | None = setting(None, "Folder.")
    control: bool = setting(False, "Control.")
    inner: Inner = group(Inner)

    def __post_init__(self):
        require(self, ("count", self.count >= 0, "at least 0"), ("rate", self.rate >= 0, "more"))


def parsed(arguments, *records, **options):
    values = flags.FlagValues()
    for record in records:
        define(values, record, **options)
    assert values(["program", *arguments]) == ["program"]
    return values


NUMBERS = st.floats(0, 1e9)
WORDS = st.text("abc é=.-:", max_size=5).map(str.strip).filter(bool)
INNERS = st.builds(
    Inner,
    widths=st.lists(st.integers()).map(tuple),
    factors=st.lists(st.floats(allow_nan=False)).map(tuple),
    words=st.lists(WORDS).map(tuple),
    ends=st.tuples(NUMBERS, NUMBERS),
    seed=st.integers(),
)
OUTERS = st.builds(
    Outer,
    count=st.integers(0),
    size=st.none() | st.integers(),
    rate=NUMBERS,
    decay=st.none() | NUMBERS,
    text=st.text(),
    folder=st.none() | st.text(),
    control=st.booleans(),
    inner=INNERS,
)


@given(OUTERS)
def test_flags_make_the_same_record(record):
    flat = vars(record) | vars(record.inner) | {"first_rate": record.rate}
    arguments = []
    for name, value in flat.items():
        if isinstance(value, tuple):
            value = ",".join(map(str, value))
        if name not in ("rate", "inner", "secret") and value is not None:
            arguments.append(f"--{name}={value}")
    assert made(parsed(arguments, Outer), Outer) == record


def test_without_flags_a_record_has_its_defaults():
    for record in (Outer, FloatTraining, Quantization, FineTuning):
        assert made(parsed([], record), record) == record()


def test_flags_say_what_they_mean_and_their_default():
    values = parsed([], Outer)
    assert values["first_rate"].help == "Rate." and values["first_rate"].default_as_str == "'0.5'"
    assert values["factors"].default_as_str == "'1.0,0.9'"
    assert values["size"].default_as_str is None
    assert "secret" not in values and "inner" not in values
    assert made(parsed(["--nocontrol"], Outer), Outer) == Outer()


def test_other_defaults_names_and_fewer_flags():
    options = {"names": {"first_rate": "rate"}, "without": ("count", "widths")}
    values = parsed(["--rate=2"], Outer, defaults={"seed": 4, "factors": (2.0,)}, **options)
    assert not {"first_rate", "count", "widths"} & set(values)
    found = made(values, Outer, **options)
    assert found == Outer(rate=2.0, inner=Inner(seed=4, factors=(2.0,)))
    with pytest.raises(InputError, match="^rate=-1.0: expected more$"):
        made(parsed(["--rate=-1"], Outer, **options), Outer, **options)


def test_a_name_that_two_records_have_is_one_flag():
    @dataclasses.dataclass(frozen=True)
    class Other:
        seed: int = setting(8, "Seed of others.")
        text: str = setting("other", "Another text.")

    values = parsed(["--text=both"], Outer, Other)
    assert made(values, Outer) == Outer(text="both")
    assert made(values, Other) == Other(seed=3, text="both")
    assert values["seed"].help == "Seed of all."


def test_a_name_of_two_types_is_refused():
    @dataclasses.dataclass(frozen=True)
    class Other:
        widths: tuple[float, ...] = setting((), "Widths that are no whole numbers.")

    with pytest.raises(ValueError, match="widths: expected a flag of type list of whole numbers"):
        parsed([], Outer, Other)


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("--factors=1.0,x", "--factors=1.0,x: expected numbers with commas between"),
        ("--widths=1,2.5", "--widths=1,2.5: expected whole numbers with commas between"),
        ("--ends=1", "--ends=1: expected 2 numbers"),
        ("--count=two", "--count=two"),
        ("--control=perhaps", "--control=perhaps"),
    ],
)
def test_a_wrong_value_is_named(argument, message):
    with pytest.raises(flags.Error, match=message):
        parsed([argument], Outer)


def test_a_value_that_the_record_refuses_is_an_input_error():
    with pytest.raises(InputError, match="^count=-1: expected at least 0$"):
        made(parsed(["--count=-1"], Outer), Outer)


def test_a_type_that_no_flag_has_is_refused():
    @dataclasses.dataclass(frozen=True)
    class Odd:
        table: dict | None = setting(None, "A table.")  # noqa: RUF009

    with pytest.raises(ValueError, match="table: expected a type that a flag can have"):
        parsed([], Odd)
