"""A Keras network as an embedder."""

import numpy as np
import tf_keras as keras

from tfsv.card import ModelCard
from tfsv.conversion.ends import keras_runner
from tfsv.verification.embedder import EMBEDDING, WAVEFORM, check_embedding, check_waveform
from tfsv.verification.ends import speaker_ends
from tfsv.verification.model_card import front_end_of
from tfsv.verification.scorer import Scorer


class KerasEmbedder:
    """An `Embedder` of a Keras network: front end, network in inference mode, L2 norm.

    One graph is traced and serves every length.

    Attributes:
        card: The card of the network.
        scorer: What makes scores of embeddings. None: scores are cosines.

    Example:
        >>> network, card = load_model("runs/resnet/fine_tuned")
        >>> embedding = KerasEmbedder(strip(network)[0], card).embed(waveform)
    """

    def __init__(self, network: keras.Model, card: ModelCard, scorer: Scorer | None = None) -> None:
        """Wraps a network, which stays the caller's: the embedder follows changes of its weights.

        Args:
            network: A network from features `[batch, frames, bins]` to embeddings `[batch,
                embedding size]`, not normalised.
            card: The card of the network.
            scorer: What makes scores of embeddings. None: scores are cosines.

        Raises:
            InputError: The card's front end is none that tfsv has.
        """
        self.card, self.scorer = card, scorer
        ends = speaker_ends(front_end_of(card), network.output_shape[-1])
        self._run = keras_runner(network, ends)

    def embed(self, waveform: np.ndarray) -> np.ndarray:
        """Returns the embedding of one utterance, float32 `[embedding size]`, of length 1."""
        waveform = check_waveform(waveform)
        embedding = self._run({WAVEFORM: waveform[np.newaxis]})[EMBEDDING][0]
        return check_embedding(embedding, samples=len(waveform))
