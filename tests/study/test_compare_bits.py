"""Mixed precision and stages side by side: cells, plans, tables, picture, and the command."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
from command_runner import run_command
from study_runs import float_run

from tfsv.audio.voices import voices_manifest
from tfsv.bitwidth.methods.curvature import CurvatureSettings
from tfsv.bitwidth.plan import BitPlan
from tfsv.errors import InputError
from tfsv.folders import CONTROL, FINE_TUNED, FLOAT, POST_TRAINING
from tfsv.jobs.settings import BitSearchSettings, FineTuning
from tfsv.report import Measurement, Report
from tfsv.study.bits_table import bits_table, correlation_table
from tfsv.study.cells import FLOAT_CELL, Cell, read_plan_cells, read_staged_cells
from tfsv.study.comparison import Comparison, order, read_weights
from tfsv.study.plans import Finding, Plans, read_findings
from tfsv.study.table import Outcome
from tfsv.tasks.model_folder import load_model

UNIFORM, NORM = Cell("kmeans", 3), Cell("kmeans", 3, "norm")
STAGED = Cell("kmeans", 3, "norm", "bits")
FURTHER = FineTuning(epochs=1, optimizer="sgd", learning_rate=0.01, weight_decay=0, refresh_steps=2)


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """A run with some of the models of a comparison."""
    manifest = voices_manifest(speakers=8, utterances=4, cache=tmp_path_factory.mktemp("cache"))
    run = float_run(tmp_path_factory.mktemp("runs") / "seed0", manifest, channels=32)
    make(run)
    return run


def make(run):
    plans = Plans(run, BitSearchSettings(candidates=(1, 2, 3, 8)))
    plans.make(NORM)
    comparison = Comparison(run, FURTHER)
    for cell, model in (
        (FLOAT_CELL, FLOAT), (UNIFORM, POST_TRAINING), (NORM, POST_TRAINING), (STAGED, FINE_TUNED),
    ):  # fmt: skip
        comparison.make(cell, model)


def test_lines_become_cells():
    assert read_plan_cells(["kmeans 2 kl norm"]) == [
        Cell("kmeans", 2, "kl"), Cell("kmeans", 2, "norm"),
    ]  # fmt: skip
    (staged,) = read_staged_cells(["kmeans 2 kl front"])
    assert staged == Cell("kmeans", 2, "kl", "front") and staged.models == (FINE_TUNED,)
    assert staged.folder(FINE_TUNED) == "kmeans_2bit_kl/fine_tuned_front"
    assert Cell("kmeans", 2, "kl").folder(FINE_TUNED) == "kmeans_2bit_kl/fine_tuned"


@pytest.mark.parametrize(
    ("read", "line", "message"),
    [
        (read_plan_cells, "", "plan=: expected a scheme, bits and methods"),
        (read_plan_cells, "kmeans 2", "plan=kmeans 2: expected a scheme, bits and methods"),
        (read_plan_cells, "kmeans 2 guess", "methods are .*curvature.* kl"),
        (read_plan_cells, "kmeans two kl", "not 'two'"),
        (read_plan_cells, "static_binary 2 kl", "only 1"),
        (read_plan_cells, "kmeans 2 kl kl", "kmeans 2 kl: given twice"),
        (read_staged_cells, "kmeans 2 kl", "staged=kmeans 2 kl: expected a scheme"),
        (read_staged_cells, "kmeans 2 kl back", "orders are bits, sensitivity, front"),
        (read_staged_cells, "kmeans 2 bits front", "methods are"),
    ],
)
def test_a_bad_line_is_named(read, line, message):
    with pytest.raises(InputError, match=message):
        read([line])


def test_stages_share_their_post_training_model():
    cells = [Cell("kmeans", 2, "kl"), Cell("kmeans", 2, "kl", "bits")]
    made = list(order(cells))
    assert made[0] == (FLOAT_CELL, FLOAT) and (FLOAT_CELL, CONTROL) in made
    folders = [cell.folder(model) for cell, model in made]
    assert len(set(folders)) == len(folders) == 5


def test_plans_have_the_bytes_of_equal_widths(compared):
    study = compared / "study"
    plan = BitPlan.read(study / "plans" / "kmeans_3bit_norm.json")
    assert plan.method == "norm" and len(set(plan.bits.values())) > 1
    sizes = [
        Report.read(study / cell.folder(POST_TRAINING)).details["files"] for cell in (UNIFORM, NORM)
    ]
    assert 0.8 * sizes[0]["packed"] < sizes[1]["packed"] <= sizes[0]["packed"] + 100
    _, card = load_model(study / NORM.folder(POST_TRAINING))
    found = read_findings({"seed0": compared}, NORM)["seed0"]
    assert card.bits == plan.bits == found.bits and found.seconds > 0
    assert found.sensitivities.keys() == plan.layers.keys()


def test_a_width_without_candidates_has_no_budget(compared, tmp_path):
    run = tmp_path / "seed0"
    shutil.copytree(compared, run, ignore=shutil.ignore_patterns("study"))
    settings = BitSearchSettings(candidates=(1, 2, 4, 8))
    with pytest.raises(InputError, match="candidates: lack 3 bits"):
        Plans(run, settings).make(NORM)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--scheme=kmeans 3", "--plan=uniform 3 kl"], "compare one at a time"),
        (["--scheme=kmeans 3", "--candidates=2,a"], "--candidates=2,a: expected whole numbers"),
        (["--scheme=kmeans 3", "--dev_seconds=-1"], "dev_seconds"),
    ],
)
def test_bad_flags_are_one_line(compared, tmp_path, flags, words):
    finished = run_command(
        "compare-bits", f"--runs={compared}", f"--output={tmp_path}", "--finetune_epochs=1",
        "--optimizer=sgd", *flags,
    )  # fmt: skip
    assert finished.returncode == 1
    line = finished.stderr.strip().splitlines()[-1]
    assert line.startswith("error: ") and words in line


def test_stages_train_the_plan(compared):
    latent, coded = read_weights(compared / "study" / STAGED.folder(FINE_TUNED))
    plan = BitPlan.read(compared / "study" / "plans" / "kmeans_3bit_norm.json")
    assert {name: codes.bits for name, codes in coded.items()} == plan.bits
    start = load_model(compared / FLOAT)[0]
    for name, weights in latent.items():
        assert np.any(weights != start.get_layer(name).trainable_weights[0].numpy())


def test_what_is_made_is_not_made_again(compared):
    stamps = {file: file.stat().st_mtime_ns for file in (compared / "study").rglob("*.*")}
    make(compared)
    assert {file: file.stat().st_mtime_ns for file in (compared / "study").rglob("*.*")} == stamps


def test_other_search_settings_do_not_mix(compared):
    with pytest.raises(InputError, match="other settings .candidates."):
        Plans(compared, BitSearchSettings(candidates=(2, 8)))
    slower = {"curvature": CurvatureSettings(vectors=99)}
    with pytest.raises(InputError, match="other settings .methods.curvature.vectors."):
        Plans(compared, BitSearchSettings(candidates=(1, 2, 3, 8)), slower)


def test_plans_from_before_a_method_or_of_the_first_version_are_gone_on_with(compared, tmp_path):
    run, settings = tmp_path / "seed0", BitSearchSettings(candidates=(1, 2, 3, 8))
    shutil.copytree(compared, run)
    file = run / "study" / "plans" / "search.json"
    claimed = json.loads(file.read_text())
    del claimed["methods"]["curvature"]
    file.write_text(json.dumps(claimed))
    Plans(run, settings)
    older = {"widths": [1, 2, 3, 8], "tie_shortcuts": False, "compute": "int8_weights"}
    older |= {"batches": 2, "margin": 0.2, "vectors": 50, "steps": 200, "trials": None}
    older |= {"root": None, "recordings": 200, "dev_seconds": 20.0, "score": "drift", "seed": 0}
    file.write_text(json.dumps(older | {"pipeline": {"seed": 0}}))
    Plans(run, settings)
    with pytest.raises(InputError, match="other settings .batches."):
        Plans(run, dataclasses.replace(settings, batches=3))


def test_the_command_tabulates_what_is_there(compared, tmp_path):
    finished = run_command(
        "compare-bits", f"--runs={compared}", "--nomake", f"--output={tmp_path}",
        "--scheme=kmeans 3 2", "--plan=kmeans 3 norm kl", "--staged=kmeans 3 norm bits front",
    )  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    lines = (tmp_path / "table.md").read_text().splitlines()[2:]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    assert [(row[0], row[1], row[3]) for row in rows] == [
        ("float", "32", ""), ("post training", "equal 3", ""), ("post training", "norm 3", ""),
        ("fine tuned", "norm 3", "bits"),
    ]  # fmt: skip
    assert all(row[9] for row in rows[1:3]) and rows[2][10]  # what float and equal widths lose
    assert rows[3][12] == rows[2][12]  # bytes are those of the post-training model
    assert (tmp_path / "plans.md").read_text().startswith("| layer | norm 3 |\n")
    assert (tmp_path / "correlations.md").read_text().count("| norm |") == 1
    assert (tmp_path / "differences.png").read_bytes().startswith(b"\x89PNG")


def outcome(eer, shift):
    random = np.random.default_rng(0)
    draws = eer + shift + random.normal(0, 0.01, 500)
    measured = (
        Measurement("eer", eer, "EER", "%", replicates=draws),
        Measurement("min_dcf_0.01", 1.0, "minDCF 0.01", replicates=draws),
    )
    return Outcome({"seed0": Report("verification", measured)})


def test_differences_are_to_the_parent_to_equal_widths_and_to_one_go():
    plan, staged = Cell("kmeans", 2, "kl"), Cell("kmeans", 2, "kl", "front")
    outcomes = {
        (FLOAT_CELL, CONTROL): outcome(0.10, 0),
        (Cell("kmeans", 2), FINE_TUNED): outcome(0.15, 0),
        (plan, FINE_TUNED): outcome(0.13, 0),
        (staged, FINE_TUNED): outcome(0.12, 0),
    }
    last = bits_table(outcomes, {}).splitlines()[-1].split("|")
    assert [cell.strip().split(" ")[0] for cell in last[10:13]] == ["+2.00", "-3.00", "-1.00"]


def test_correlations_are_with_the_reference():
    table = {"a": {1: 5.0, 2: 2.0}, "b": {1: 9.0, 2: 3.0}, "c": {1: 7.0, 2: 1.0}}
    turned = {name: {1: -row[1], 2: row[2]} for name, row in table.items()}
    bits = {"a": 1, "b": 2, "c": 2}
    findings = {
        Cell("kmeans", 2, "perturbation"): {"seed1": Finding(60.0, table, bits)},
        Cell("kmeans", 2, "kl"): {
            "seed0": Finding(2.0, table, bits),  # a run without the reference
            "seed1": Finding(4.0, turned, bits),
        },
        Cell("kmeans", 3, "kl"): {"seed1": Finding(9.0, table, bits)},
    }
    rows = correlation_table(findings, [1, 2], "perturbation").splitlines()[2:]
    assert rows[0] == "| perturbation | +1.00 | +1.00 | +1.00 | 60.0 |"
    assert rows[1].startswith("| kl | -1.00 | +1.00 |") and rows[1].endswith("| 3.0 |")
    assert len(rows) == 2
