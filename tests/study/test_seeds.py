import pytest
from tfsv.verification.seeds import seed_table

from tfsv.errors import InputError


def record(eer):
    return {"eer": eer, "min_dcf_0.01": 2 * eer, "bytes": 12_345}


def test_means_and_ratios():
    runs = {
        "seed0": {"float": record(0.10), "fine_tuned": record(0.11)},
        "seed1": {"float": record(0.20), "fine_tuned": record(0.13)},
    }
    lines = seed_table(runs).splitlines()
    assert lines[2] == "| float | 12.3 | 10.00 | 20.00 | 15.00 | 1.000 | 0.300 |"
    assert lines[3] == "| fine_tuned | 12.3 | 11.00 | 13.00 | 12.00 | 0.800 | 0.240 |"


def test_runs_with_different_models_are_refused():
    with pytest.raises(InputError, match="seed1: the runs differ in their models: float"):
        seed_table({"seed0": {"float": record(0.1)}, "seed1": {}})
    with pytest.raises(InputError, match="no runs"):
        seed_table({})
