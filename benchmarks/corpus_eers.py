"""The EER of a list of trials, pooled and as the mean of its corpora."""

import numpy as np

from tfsv.verification.metrics import eer
from tfsv.verification.scoring import trial_scores
from tfsv.verification.trials import Trials


def corpus_eers(embeddings: np.ndarray, trials: Trials) -> dict[str, float]:
    """EERs of cosines, as "eer" and "mean_eer".

    Args:
        embeddings: Embeddings of the recordings of the trials, `[recordings, size]`.
        trials: Trials whose paths begin with the name of a corpus.
    """
    scores = trial_scores(embeddings, trials)
    corpora = np.array([name.split("/")[0] for name in trials.names])[trials.enrol]
    each = [
        eer(scores[corpora == corpus], trials.labels[corpora == corpus])
        for corpus in np.unique(corpora)
        if len(set(trials.labels[corpora == corpus])) == 2
    ]
    return {"eer": eer(scores, trials.labels), "mean_eer": float(np.mean(each))}
