import json

import pytest

from tfsv.bitwidth.plan import BitPlan, LayerPlan
from tfsv.errors import InputError

PLAN = BitPlan(
    "resnet18",
    "curvature",
    9000,
    {
        "stem": LayerPlan(8, 300, 0.25, "few weights, steep loss"),
        "wide": LayerPlan(1, 8000, 1e-6, "flat"),
        "head": LayerPlan(16, 2000, 1e-9, "8 bits: loss +1e-5, -900 bytes"),
        "embedding": LayerPlan(32, 4000, 0.0, "float"),
    },
)


def test_comes_back_and_reads_well(tmp_path):
    PLAN.write(tmp_path / "plan.json")
    assert BitPlan.read(tmp_path / "plan.json") == PLAN
    lines = (tmp_path / "plan.json").read_text().splitlines()
    assert sum('"bits"' in line for line in lines) == 4 == sum('"why"' in line for line in lines)
    assert PLAN.bits == {"stem": 8, "wide": 1, "head": 16}


def test_a_plan_by_hand_needs_bits_only(tmp_path):
    path = tmp_path / "plan.json"
    fields = {"schema": 1, "network": "x", "method": "hand", "budget": 1}
    path.write_text(json.dumps(fields | {"layers": {"stem": {"bits": 3}}}))
    assert BitPlan.read(path).bits == {"stem": 3}


def test_differences_from_a_network_are_listed():
    PLAN.check(["stem", "wide", "head", "embedding"])
    with pytest.raises(
        InputError, match="lacks a, b; has head, stem, wide, which the network has not"
    ):
        PLAN.check(["b", "a", "embedding"])


@pytest.mark.parametrize(
    "text, message",
    [
        ("{", "not a bit plan"),
        ("[]", "not a bit plan"),
        ('{"schema": 2}', "schema 2, not 1"),
        ('{"schema": 1, "network": "x", "method": "m", "budget": 1}', "not a bit plan"),
        (
            '{"schema": 1, "network": "", "method": "", "budget": 1, "layers": {"a": {"bits": 9}}}',
            "a: 9 bits; 1 to 8",
        ),
        pytest.param("[" * 100_000, "not a bit plan", id="nested too deeply"),
    ],
)
def test_other_files_are_refused_in_one_line(tmp_path, text, message):
    path = tmp_path / "plan.json"
    path.write_text(text)
    with pytest.raises(InputError, match=f"plan.json: .*{message}") as caught:
        BitPlan.read(path)
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="cannot be read"):
        BitPlan.read(tmp_path / "absent.json")


@pytest.mark.parametrize("bits", [0, *range(9, 16), 17, 31, 33, True, "16", None])
def test_widths_that_are_none_are_refused_in_one_line(tmp_path, bits):
    path = tmp_path / "plan.json"
    fields = {"schema": 1, "network": "x", "method": "hand", "budget": 1}
    path.write_text(json.dumps(fields | {"layers": {"stem": {"bits": bits}}}))
    message = f"stem: {bits!r} bits; 1 to 8 are possible, 16 for float16 or 32 for float"
    with pytest.raises(InputError, match=message) as caught:
        BitPlan.read(path)
    assert "\n" not in str(caught.value)
