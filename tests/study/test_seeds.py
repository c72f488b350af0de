import pytest

from tfsv.errors import InputError
from tfsv.report import Measurement, Report
from tfsv.study.seeds import read_runs, seed_table


def record(eer):
    measured = (
        Measurement("eer", eer, "EER", "%"),
        Measurement("min_dcf_0.01", 2 * eer, "minDCF 0.01", digits=3),
    )
    return Report("verification", measured, {"bytes": 12_345})


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


def test_runs_are_read_from_their_folders(tmp_path):
    for seed in ("seed0", "seed1"):
        record(0.1).write(tmp_path / seed / "float")
        record(0.2).with_details(bytes=1).write(tmp_path / seed / "fine_tuned")
    Report("verification", record(0.3).measurements).write(tmp_path / "seed0" / "dev")
    runs = read_runs([tmp_path / "seed0", tmp_path / "seed1"])
    assert list(runs) == ["seed0", "seed1"] and list(runs["seed0"]) == ["float", "fine_tuned"]
    assert runs["seed1"]["fine_tuned"]["eer"].value == 0.2
    with pytest.raises(InputError, match="two folders have the same name"):
        read_runs([tmp_path / "seed0", tmp_path / "other" / "seed0"])
    with pytest.raises(InputError, match="seed9: no results.json in it; run `tfsv train`"):
        read_runs([tmp_path / "seed9"])
