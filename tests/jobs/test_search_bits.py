import itertools
import json
import shutil

import numpy as np
import pytest
import tf_keras as keras
from command_runner import run_command

from tfsv.audio.voices import voices_manifest
from tfsv.bitwidth.allocation import allocate, smallest
from tfsv.bitwidth.front import pareto_front, plot_front, uniform_points
from tfsv.bitwidth.plan import BitPlan
from tfsv.bitwidth.search import (
    block_ties,
    budget_tolerance,
    explained,
    parse_budget,
    predicted_loss,
    predicted_size,
    search,
    shortcut_ties,
)
from tfsv.bitwidth.sensitivity import Row
from tfsv.conversion.convert import convert
from tfsv.errors import InputError
from tfsv.jobs.plan_files import TABLES
from tfsv.models import NetworkSettings, build_network
from tfsv.quantization.network import quantizable_layers, quantize, refresh_codebooks, strip
from tfsv.tasks.model_folder import (
    load_model,
    read_folder_cohort,
    save_model,
    write_folder_decision,
)
from tfsv.verification.calibration import Calibration, Quality
from tfsv.verification.ends import speaker_ends
from tfsv.verification.model_card import speaker_card
from tfsv.verification.scorer import Scorer, decision_of

LAYERS = 12


def table(seed=0, layers=LAYERS, widths=(1, 2, 3, 4, 8)):
    random = np.random.default_rng(seed)
    counts = {f"layer{i}": int(random.integers(300, 4000)) for i in range(layers)}
    weight = {name: random.uniform(0.1, 10) for name in counts}
    loss = {n: {b: weight[n] * count * 4.0**-b for b in widths} for n, count in counts.items()}
    size = {n: {b: -(-count * b // 8) + 2**b for b in widths} for n, count in counts.items()}
    return loss, size


@pytest.mark.parametrize(
    "text, size",
    [("900kB", 900_000), ("0.9MB", 900_000), ("1.5 mb", 1_500_000), ("1234", 1234),
     ("77 bytes", 77), ("12b", 12)],
)  # fmt: skip
def test_budgets(text, size):
    assert parse_budget(text) == size


@pytest.mark.parametrize("text", ["", "kB", "-3kB", "0", "900 kilos", "nan", "inf", "1e400", "0.1"])
def test_budgets_that_are_none(text):
    with pytest.raises(InputError, match="expected a size such as 900kB"):
        parse_budget(text)


def test_tables_are_shared_by_widths_as_brute_force_has_it():
    loss, size = table(1, layers=4)
    tables = {1: {1: 300}, 2: {2: 200}, 3: {2: 200, 1: 300}, 4: {4: 100}, 8: {}}
    names = list(loss)
    for budget in (2200, 2600, 3500, 6000):
        fits = [
            bits
            for widths in itertools.product((1, 2, 3, 4, 8), repeat=len(names))
            if predicted_size(size, bits := dict(zip(names, widths, strict=True)), tables) <= budget
        ]
        if not fits:
            with pytest.raises(InputError, match="too small"):
                allocate(loss, size, budget, tables=tables)
            continue
        best = min(predicted_loss(loss, bits) for bits in fits)
        found = allocate(loss, size, budget, tables=tables)
        assert predicted_loss(loss, found) == pytest.approx(best)
        assert predicted_size(size, found, tables) <= budget


def test_the_smallest_choice_pays_for_its_tables():
    sizes = {"a": {1: 100, 8: 1500}, "b": {1: 50, 8: 400}}
    assert smallest(sizes) == {"a": 1, "b": 1}
    assert smallest(sizes, tables=TABLES) == {"a": 8, "b": 8}  # 1900 against 150 + 2048
    sizes["a"] = {1: 100, 2: 300, 8: 2000}
    assert smallest(sizes, tables=TABLES) == {"a": 2, "b": 8}  # 300 + 400 + 1024
    assert smallest(sizes, [["a", "b"]], TABLES) == {"a": 1, "b": 1}


def test_predicted_size_counts_a_shared_table_once():
    sizes = {"a": {3: 10, 4: 20}, "b": {1: 5, 4: 7}}
    assert predicted_size(sizes, {"a": 3, "b": 1}, TABLES) == 15 + 2048 + 1024
    assert predicted_size(sizes, {"a": 4, "b": 4}, TABLES) == 27 + 512
    assert predicted_size(sizes, {"a": 4, "b": 1}) == 25


@pytest.mark.parametrize("budget", [22_000, 25_000, 30_000, 36_000])
def test_a_file_with_unknown_overheads_meets_its_budget(budget):
    loss, size = table()
    written = []

    def true_size(bits):
        written.append(bits)
        groups = len({(n[-1], b) for n, b in bits.items()})
        return int(predicted_size(size, bits, TABLES)) + 11_003 + 170 * groups

    choice = search(loss, size, budget, true_size, tables=TABLES)
    assert budget - budget_tolerance(budget) <= choice.size <= budget and not choice.note
    assert choice.size == true_size(choice.bits)
    assert choice.loss == pytest.approx(predicted_loss(loss, choice.bits))
    assert len(written) <= 13


def test_budgets_below_and_above_what_is_possible():
    loss, size = table()

    def true_size(bits):
        return predicted_size(size, bits) + 5000

    least = sum(row[1] for row in size.values()) + 5000
    with pytest.raises(InputError, match=f"smallest possible file has {least} bytes"):
        search(loss, size, least - 1, true_size)
    assert set(search(loss, size, least, true_size).bits.values()) == {1}
    most = search(loss, size, 10**6, true_size)
    assert set(most.bits.values()) == {8} and "no choice" in most.note


def test_a_front_with_a_gap_is_reported():
    loss = {"one": {1: 3.0, 8: 0.0}}
    size = {"one": {1: 10_000, 8: 80_000}}
    choice = search(loss, size, 60_000, lambda bits: size["one"][bits["one"]] + 100)
    assert choice.bits == {"one": 1} and choice.size == 10_100 and "above the budget" in choice.note


def test_shortcuts_are_tied_with_their_block():
    network = build_network("resnet18", channels=2, bins=16, embedding_size=8)
    names = [layer.name for layer in quantizable_layers(network)]
    groups = shortcut_ties(names)
    assert ["stage2_block1_conv1", "stage2_block1_conv2", "stage2_block1_shortcut"] in [
        sorted(group) for group in groups
    ]
    assert len(groups) == 3
    widths = (1, 2, 4)
    loss = {n: {b: (i + 1) * 4.0**-b for b in widths} for i, n in enumerate(names)}
    size = {n: {b: 100 * b for b in widths} for n in names}
    choice = search(loss, size, 5000, lambda bits: predicted_size(size, bits), tied=groups)
    assert all(len({choice.bits[name] for name in group}) == 1 for group in groups)


def test_blocks_are_tied_whatever_stands_in_them():
    network = build_network("resnet18", channels=2, bins=16, embedding_size=8)
    names = [layer.name for layer in quantizable_layers(network)]
    groups = block_ties(names)
    assert [len(group) for group in groups] == [2, 2, 3, 2, 3, 2, 3, 2]
    assert not any("stem" in group or "embedding" in group for group in groups)
    assert block_ties(["stack1_block10_in", "stack1_block1_in", "stack1_block1_out"]) == [
        ["stack1_block1_in", "stack1_block1_out"]
    ]
    for shortcut in shortcut_ties(names):
        assert any(set(shortcut) <= set(group) for group in groups)


def test_reasons_name_what_the_next_widths_would_change():
    loss, size = {"a": {1: 3.0, 2: 1.0, 4: 0.5}}, {"a": {1: 10, 2: 20, 4: 44}}
    choice = search(loss, size, 25, lambda bits: size["a"][bits["a"]])
    (layer,) = explained(choice, {"a": Row(loss["a"], "steep")}, size).values()
    assert (layer.bits, layer.size, layer.sensitivity) == (2, 20, 1.0)
    assert layer.why == "steep; 1 bits: loss +2, -10 bytes; 4 bits: loss -0.5, +24 bytes"


def test_the_front_falls_and_lies_below_uniform_widths(tmp_path):
    loss, size = table(3)
    front = pareto_front(loss, size, 8, tables=TABLES)
    sizes, losses = [p.size for p in front], [p.predicted for p in front]
    assert sizes == sorted(sizes) and losses == sorted(losses, reverse=True) and len(front) > 4
    uniform = uniform_points(loss, size, TABLES)
    assert [set(point.bits.values()) for point in uniform] == [{1}, {2}, {3}, {4}, {8}]
    for point in uniform:
        mixed = allocate(loss, size, point.size, tables=TABLES)
        assert predicted_loss(loss, mixed) <= point.predicted * (1 + 1e-9)
    lines = {"mixed": [(p.size, p.predicted, p.predicted) for p in front]}
    plot_front(tmp_path / "front.png", "front", lines, 9000)
    assert (tmp_path / "front.png").read_bytes().startswith(b"\x89PNG")


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
    """A float model of nobody, and a corpus to search it on."""
    folder = tmp_path_factory.mktemp("search")
    voices = voices_manifest(speakers=8, utterances=4, cache=folder / "voices")
    (folder / "corpus").symlink_to(voices.root)
    keras.utils.set_random_seed(0)
    settings = NetworkSettings("xvector", 32, 16, 8).resolved()
    save_model(folder / "float", settings.build(), speaker_card(settings, {"bins": 16}))
    return folder


def run(folder, *arguments):
    finished = run_command(
        "search-bits", "--model=float", "--corpus=corpus/manifest.tsv", "--output=plan.json",
        "--batch_size=4", "--batches=1", "--crop_seconds=0.5", "--candidates=1,2,4,8", *arguments,
        folder=folder,
    )  # fmt: skip
    return finished.returncode, finished.stdout, finished.stderr


def file_size(folder, bits, model="float"):
    """Bytes of the file that export writes, with what the float model decides with."""
    network, card = load_model(folder / model)
    network = quantize(network, bits, "kmeans")
    refresh_codebooks(network)
    plain, coded = strip(network)
    card.scheme = "kmeans"
    ends = speaker_ends({"bins": 16}, 8)
    conversion = convert(plain, coded, card, ends, "packed", "int8_weights")
    return len(conversion.content(cohort=read_folder_cohort(folder / model)))


@pytest.fixture(scope="module")
def budget(workplace):
    """Half-way between 1 and 8 bits."""
    names = [layer.name for layer in quantizable_layers(load_model(workplace / "float")[0])]
    low, high = (file_size(workplace, dict.fromkeys(names, bits)) for bits in (1, 8))
    assert high - low > 10_000
    return (low + high) // 2


def test_the_command_meets_a_budget_and_draws(workplace, budget):
    names = [layer.name for layer in quantizable_layers(load_model(workplace / "float")[0])]
    options = ["--method=perturbation", "--recordings=6", "--front=front.png", "--front_points=4"]
    code, output, errors = run(workplace, f"--budget={budget}", *options)
    assert code == 0, errors
    plan = BitPlan.read(workplace / "plan.json")
    plan.check(names)
    assert len(set(plan.bits.values())) > 1
    assert (plan.network, plan.method, plan.budget) == ("xvector", "perturbation", budget)
    assert budget - budget_tolerance(budget) - 800 <= file_size(workplace, plan.bits) <= budget
    assert all("drift of scores" in layer.why for layer in plan.layers.values())
    assert (workplace / "front.png").exists() and "perturbation took" in output
    (store,) = (workplace / "float" / "sensitivities").iterdir()
    assert len(json.loads(store.read_text())["layers"]) == len(names)


def test_a_file_with_the_cohort_of_its_parent_meets_the_budget(workplace, budget):
    shutil.copytree(workplace / "float", workplace / "scoring", dirs_exist_ok=True)
    cohort = np.random.default_rng(0).integers(1, 127, (600, 8)).astype(np.int8)
    quality = Quality(1 / 3, 0.5, 2.0, 6.0)
    scorer = Scorer(cohort, 20, Calibration(-2.0, 1.5, quality, quality), {"eer": 1 / 3})
    write_folder_decision(workplace / "scoring", *decision_of({"eer": 1 / 3}, scorer))
    budget += cohort.size
    options = ["--model=scoring", "--method=random", f"--budget={budget}"]
    code, _, errors = run(workplace, *options)
    assert code == 0, errors
    bits = BitPlan.read(workplace / "plan.json").bits
    size = file_size(workplace, bits, "scoring")
    assert size - file_size(workplace, bits) > cohort.size
    assert budget - budget_tolerance(budget) - 800 <= size <= budget


def test_the_command_by_curvature(workplace, budget):
    options = ["--method=curvature", "--vectors=2", "--candidates=2,8", f"--budget={budget}"]
    code, _, errors = run(workplace, *options)
    assert code == 0, errors
    plan = BitPlan.read(workplace / "plan.json")
    assert set(plan.bits.values()) <= {2, 8} and file_size(workplace, plan.bits) <= budget
    assert all("trace" in layer.why for layer in plan.layers.values())


def test_the_command_keeps_float_what_fits(workplace):
    code, output, errors = run(workplace, "--budget=9MB", "--method=random")
    assert code == 0 and "float" in output, errors
    plan = BitPlan.read(workplace / "plan.json")
    assert not plan.bits and all(layer.bits == 32 for layer in plan.layers.values())


def test_the_command_by_architecture(workplace, budget):
    options = ["--method=architecture", "--steps=3", "--candidates=2,8", f"--budget={budget}"]
    code, output, errors = run(workplace, *options)
    assert code == 0, errors
    plan = BitPlan.read(workplace / "plan.json")
    assert set(plan.bits.values()) <= {2, 8} and file_size(workplace, plan.bits) <= budget
    assert all("most probable" in layer.why for layer in plan.layers.values())
    assert "architecture took" in output
