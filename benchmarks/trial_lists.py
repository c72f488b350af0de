"""What a float network and a list of trials need, and the EER, pooled and as a mean of corpora."""

from collections.abc import Sequence

import numpy as np
import tf_keras as keras

from tfsv.audio.crop_settings import RecordingSettings
from tfsv.card import ModelCard
from tfsv.features import LogMel
from tfsv.tasks.model_folder import load_model
from tfsv.tasks.task import TASKS
from tfsv.verification.metrics import eer
from tfsv.verification.model_card import front_end_of
from tfsv.verification.recordings import recording_paths
from tfsv.verification.scoring import trial_scores
from tfsv.verification.trial_features import TrialFeatures
from tfsv.verification.trials import Trials, read_trials, some_trials


def opened(
    model: str, trials: str, root: str, recordings: RecordingSettings, some: int
) -> tuple[keras.Model, ModelCard, Trials, TrialFeatures, Sequence[np.ndarray]]:
    """A float network with its card, trials with their features, and batches to calibrate on.

    Args:
        model: Folder of the network.
        trials: Trial list.
        root: Folder that the list's paths start from.
        recordings: What to calibrate on.
        some: Recordings of the list to keep; 0: all.
    """
    network, card = load_model(model)
    found = read_trials(trials)
    if some:
        found = some_trials(found, some, seed=1)
    features = TrialFeatures(recording_paths(found, root, None), LogMel(**front_end_of(card)))
    return (
        network,
        card,
        found,
        features,
        TASKS[card.task].recorded_inputs(recordings, card).batches,
    )


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
