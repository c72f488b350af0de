"""Reports: JSON, replicates, records of earlier versions."""

import json

import numpy as np
import pytest

from tfsv import folders
from tfsv.errors import InputError
from tfsv.report import Measurement, Report, heading_and_rows
from tfsv.text_tables import aligned, markdown


def report(**changes):
    drawn = np.linspace(0, 1, 5, dtype=np.float32)
    fields = {"interval": (0.04, 0.06), "replicates": drawn} | changes
    return Report(
        "verification",
        (
            Measurement("eer", 0.05, title="EER", unit="%", **fields),
            Measurement("sdr", 12.5, unit="dB", lower_is_better=False, digits=1, **fields),
        ),
        {"bytes": 12, "corpora": {"an4": {"eer": None}}},
    )


def test_a_folder_gives_back_what_was_written(tmp_path):
    report().write(tmp_path)
    found = Report.read(tmp_path)
    assert found == report()
    for one, other in zip(found, report(), strict=True):
        np.testing.assert_array_equal(one.replicates, other.replicates)
    assert found["eer"] is found.main
    with pytest.raises(KeyError):
        found["der"]


def test_without_replicates_there_is_one_file(tmp_path):
    report(replicates=None).write(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [folders.RESULTS]
    assert Report.read(tmp_path)["sdr"].replicates is None


def test_values_are_shown_in_their_units():
    eer, sdr = report()
    assert (eer.text(), eer.heading, eer.text(-0.011, sign="+")) == ("5.00", "EER %", "-1.10")
    assert (sdr.text(), sdr.heading) == ("12.5", "sdr dB")
    rows = heading_and_rows({"float": report()})
    assert rows == [["model", "EER %", "sdr dB"], ["float", "5.00", "12.5"]]
    assert aligned(rows) == "model  EER %  sdr dB\nfloat   5.00    12.5"
    assert markdown(rows).splitlines()[1] == "| --- | ---: | ---: |"


def test_columns_that_a_report_lacks():
    plain = Report("t", (Measurement("eer", 0.05, title="EER", unit="%"),))
    more = Report("t", (*plain.measurements, Measurement("cllr", 0.25, title="Cllr")))
    assert heading_and_rows({"a": plain, "b": more}) == [
        ["model", "EER %", "Cllr"],
        ["a", "5.00", "–"],
        ["b", "5.00", "0.25"],
    ]


def test_records_of_the_first_version_are_read(tmp_path):
    older = {"eer": 0.1, "min_dcf_0.01": 0.5, "eer_interval": [0.08, 0.12], "bytes": 7}
    (tmp_path / folders.RESULTS).write_text(json.dumps(older))
    drawn = np.ones([4, 2], np.float32)
    np.save(tmp_path / folders.REPLICATES, drawn)
    found = Report.read(tmp_path)
    assert (found["eer"].value, found["eer"].interval) == (0.1, (0.08, 0.12))
    assert found["min_dcf_0.01"].interval is None and found.details == {"bytes": 7}
    np.testing.assert_array_equal(found["min_dcf_0.01"].replicates, np.ones(4))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not a report"),
        ("[]", "not a report"),
        ('{"schema": 9}', "schema 9"),
        ('{"schema": 2, "measurements": [{}]}', "not a report"),
    ],
)
def test_broken_reports_name_their_file(tmp_path, content, message):
    (tmp_path / folders.RESULTS).write_text(content)
    with pytest.raises(InputError, match=f"results.json: {message}|results.json: .*{message}"):
        Report.read(tmp_path)
