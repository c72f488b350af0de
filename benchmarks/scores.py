"""What normalisation by a cohort and calibration make of thresholds on speech never heard.

    python benchmarks/scores.py --model=demo --cohort=shippable.tsv --dev_trials=dev.txt \
        --trials=../shared/data/trials/test.txt,../shared/data/trials/mismatch.txt \
        --manifest=../shared/data/manifest.tsv --embeddings=runs/embeddings

prints two tables. The first is for choosing, on development trials alone: each corpus in turn is
left out, the scorer is learned on the others, and the Cllr and the false accepts of the corpus left
out are told. The second reports one choice on the other lists: false accepts and false rejects of
each corpus at the threshold that the development trials give for 1 %. The first two forms take the
threshold from all development trials together, the others so that it holds in each corpus. With
--write, the cohort of that choice is written, and its table for a card is printed.
"""

import dataclasses
import json
import pathlib
from collections.abc import Iterator

import numpy as np
from absl import app, flags

from tfsv.audio.manifest import Manifest, read_manifest
from tfsv.demo import located
from tfsv.files import write_array
from tfsv.tasks.opening import open_model
from tfsv.text_tables import aligned
from tfsv.verification.cllr import cllr
from tfsv.verification.cohort_sources import cohort_recordings, usual_top
from tfsv.verification.cohorts import int8_cohort, smaller_cohort, speaker_means
from tfsv.verification.embedder import Embedder
from tfsv.verification.evaluation import model_identity, trial_corpora
from tfsv.verification.extraction import Voices, extract_embeddings, extract_voices
from tfsv.verification.learned_scorer import learned_scorer
from tfsv.verification.metrics import eer
from tfsv.verification.recordings import recording_paths
from tfsv.verification.scorer import Scorer
from tfsv.verification.thresholds import thresholds_of
from tfsv.verification.trials import Trials, read_trials

_MODEL = flags.DEFINE_string("model", "demo", "Model file, folder or name.")
_COHORT = flags.DEFINE_string("cohort", None, "Manifest or folder of the cohort.", required=True)
_DEV = flags.DEFINE_string("dev_trials", None, "Development trials.", required=True)
_TRIALS = flags.DEFINE_list("trials", None, "Trial lists to report.", required=True)
_MANIFEST = flags.DEFINE_string("manifest", None, "Manifest of all recordings.", required=True)
_EMBEDDINGS = flags.DEFINE_string("embeddings", None, "Folder that keeps embeddings.")
_SIZES = flags.DEFINE_list("sizes", ["0", "200"], "Cohort sizes; 0: every speaker.")
_TOPS = flags.DEFINE_list("tops", ["20", "50", "100", "200"], "Numbers of strangers that count.")
_SIZE = flags.DEFINE_integer("size", 200, "Cohort size to report.")
_TOP = flags.DEFINE_integer("top", None, "Strangers that count in the report. Default: usual_top.")
_WRITE = flags.DEFINE_string("write", None, "File ending in .npy for the cohort.")

_POINT = "far_0.01"


@dataclasses.dataclass(frozen=True)
class Listed:
    """A trial list with what was heard in its recordings."""

    trials: Trials
    voices: Voices
    corpora: np.ndarray

    def part(self, inside: np.ndarray) -> "Listed":
        """Some of the trials."""
        trials = dataclasses.replace(
            self.trials,
            labels=self.trials.labels[inside],
            enrol=self.trials.enrol[inside],
            test=self.trials.test[inside],
            lines=None,
        )
        return Listed(trials, self.voices, self.corpora[inside])

    def scores(self, scorer: Scorer) -> np.ndarray:
        """Scores of the trials."""
        return scorer.trial_scores(self.voices.embeddings, self.trials, self.voices.sounds)

    def learned(self, scorer: Scorer) -> Scorer:
        """The scorer with calibration and thresholds from these trials."""
        return learned_scorer(scorer, self.voices, self.trials, self.corpora)


def main(arguments: list[str]) -> None:
    """Prints both tables."""
    del arguments
    model = located(_MODEL.value)
    embedder, manifest = open_model(model), read_manifest(_MANIFEST.value)
    keep = {"folder": _EMBEDDINGS.value}
    if _EMBEDDINGS.value:
        keep["identity"] = model_identity(model, embedder)
    paths, speakers = cohort_recordings(_COHORT.value)
    means = speaker_means(extract_embeddings(embedder, paths, **keep), speakers)
    dev = listed(_DEV.value, embedder, manifest, keep)
    print(f"{len(means)} speakers; dev: {len(dev.trials)} trials\n")
    print(aligned([*chosen_on_dev(dev, means)]))
    cohort = int8_cohort(smaller_cohort(means, _SIZE.value) if _SIZE.value else means)
    top = _TOP.value or usual_top(len(cohort))
    scorer = dev.learned(Scorer(cohort, top))
    forms = {
        "cosine": (Scorer(), False),
        "AS-Norm": (Scorer(cohort, top), False),
        "AS-Norm, each corpus": (Scorer(cohort, top), True),
        "cosine, calibrated": (dev.learned(Scorer()), True),
        "AS-Norm, calibrated": (scorer, True),
    }
    lists = {name: listed(name, embedder, manifest, keep) for name in _TRIALS.value}
    for name, one in lists.items():
        print(f"\n{pathlib.Path(name).name}: cohort of {len(cohort)}, top {top}")
        print(aligned([*reported(dev, one, forms)]))
    if _WRITE.value:
        write_array(_WRITE.value, cohort)
        print(json.dumps(scorer.to_table()))


def listed(name: str, embedder: Embedder, manifest: Manifest, keep: dict[str, str]) -> Listed:
    """Reads a list and hears its recordings."""
    trials = read_trials(name)
    paths = recording_paths(trials, None, manifest)
    voices = extract_voices(embedder, paths, **keep)
    return Listed(trials, voices, trial_corpora(trials, manifest))


def chosen_on_dev(dev: Listed, means: np.ndarray) -> Iterator[list[str]]:
    """A row for each cohort and top: mean Cllr and largest false accepts of corpora left out."""
    yield ["cohort", "top", "EER %", "Cllr", "worst corpus' false accepts %", "false rejects %"]
    corpora = sorted(set(dev.corpora))
    settings = [(None, None)]
    for size in map(int, _SIZES.value):
        count = min(size, len(means)) if size else len(means)
        settings += [(size, top) for top in map(int, _TOPS.value) if top <= count]
    for size, top in settings:
        cohort = None
        if size is not None:
            cohort = int8_cohort(smaller_cohort(means, size) if size else means)
        costs, accepts, rejects = [], [], []
        for corpus in corpora:
            out = dev.corpora == corpus
            part = dev.part(out)
            scorer = dev.part(~out).learned(Scorer(cohort, top))
            ratios, target = part.scores(scorer), part.trials.labels == 1
            costs.append(cllr(ratios, part.trials.labels))
            accepts.append(np.mean(ratios[~target] >= scorer.thresholds[_POINT]))
            rejects.append(np.mean(ratios[target] < scorer.thresholds[_POINT]))
        rate = eer(dev.scores(dev.learned(Scorer(cohort, top))), dev.trials.labels)
        yield [
            "none" if cohort is None else str(len(cohort)),
            str(top or "–"),
            f"{100 * rate:.1f}",
            f"{np.mean(costs):.3f}",
            f"{100 * max(accepts):.1f}",
            f"{100 * np.mean(rejects):.0f}",
        ]


def reported(
    dev: Listed, one: Listed, forms: dict[str, tuple[Scorer, bool]]
) -> Iterator[list[str]]:
    """A row for each corpus: false accepts / false rejects at 1 % of dev, by form of scores."""
    yield ["false accepts / rejects %", *forms]
    corpora = sorted(set(one.corpora))
    columns, rates, costs, largest = {}, [], [], []
    for name, (scorer, by_corpus) in forms.items():
        groups = dev.corpora if by_corpus else None
        thresholds = thresholds_of(dev.scores(scorer), dev.trials.labels, groups)
        scores, target = one.scores(scorer), one.trials.labels == 1
        accepted = scores >= thresholds[_POINT]
        columns[name] = []
        for corpus in corpora:
            inside = one.corpora == corpus
            accepts = 100 * accepted[inside & ~target].mean()
            rejects = 100 * (~accepted)[inside & target].mean()
            columns[name].append((accepts, rejects))
        rates.append(f"{100 * eer(scores, one.trials.labels):.1f}")
        cost = None if scorer.calibration is None else cllr(scores, one.trials.labels)
        costs.append("–" if cost is None else f"{cost:.2f}")
        largest.append(sum(accepts > 3 for accepts, _ in columns[name]))
    for row, corpus in enumerate(corpora):
        yield [
            corpus,
            *(f"{column[row][0]:.1f} / {column[row][1]:.0f}" for column in columns.values()),
        ]
    means = (np.mean(column, axis=0) for column in columns.values())
    yield ["mean of corpora", *(f"{accepts:.1f} / {rejects:.0f}" for accepts, rejects in means)]
    yield ["corpora above 3 %", *map(str, largest)]
    yield ["EER %, pooled", *rates]
    yield ["Cllr, pooled", *costs]


if __name__ == "__main__":
    app.run(main)
