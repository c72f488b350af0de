"""Speaker verification: trials, embeddings, scores and error rates, for any backend."""

from typing import TYPE_CHECKING

from tfsv.lazy import lazily

if TYPE_CHECKING:
    from tfsv.verification.det_plot import plot_det
    from tfsv.verification.embedder import Embedder
    from tfsv.verification.ends import speaker_ends
    from tfsv.verification.evaluation import evaluate_trials, speaker_report
    from tfsv.verification.extraction import embed_file, extract_embeddings
    from tfsv.verification.keras_embedder import KerasEmbedder
    from tfsv.verification.metrics import det_points, eer, min_dcf
    from tfsv.verification.model_card import speaker_card
    from tfsv.verification.scorer import Scorer
    from tfsv.verification.scoring import cosine_scores, voiceprint
    from tfsv.verification.settings import SpeakerObjective, SpeechData
    from tfsv.verification.tflite_embedder import TFLiteEmbedder
    from tfsv.verification.thresholds import thresholds_of
    from tfsv.verification.trials import Trials, make_trials, read_trials, write_trials
    from tfsv.verification.voices import Voice

__all__ = [
    "Embedder",
    "KerasEmbedder",
    "Scorer",
    "SpeakerObjective",
    "SpeechData",
    "TFLiteEmbedder",
    "Trials",
    "Voice",
    "cosine_scores",
    "det_points",
    "eer",
    "embed_file",
    "evaluate_trials",
    "extract_embeddings",
    "make_trials",
    "min_dcf",
    "plot_det",
    "read_trials",
    "speaker_card",
    "speaker_ends",
    "speaker_report",
    "thresholds_of",
    "voiceprint",
    "write_trials",
]

__getattr__ = lazily(
    __name__,
    {
        "Embedder": ".embedder",
        "KerasEmbedder": ".keras_embedder",
        "Scorer": ".scorer",
        "SpeakerObjective": ".settings",
        "SpeechData": ".settings",
        "TFLiteEmbedder": ".tflite_embedder",
        "Trials": ".trials",
        "Voice": ".voices",
        "cosine_scores": ".scoring",
        "det_points": ".metrics",
        "eer": ".metrics",
        "embed_file": ".extraction",
        "evaluate_trials": ".evaluation",
        "extract_embeddings": ".extraction",
        "make_trials": ".trials",
        "min_dcf": ".metrics",
        "plot_det": ".det_plot",
        "read_trials": ".trials",
        "speaker_card": ".model_card",
        "speaker_ends": ".ends",
        "speaker_report": ".evaluation",
        "thresholds_of": ".thresholds",
        "voiceprint": ".scoring",
        "write_trials": ".trials",
    },
)
