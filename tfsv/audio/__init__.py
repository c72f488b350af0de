"""Recordings: corpora as manifests, the built-in voices, and the training pipeline.

TensorFlow is imported with the training pipeline, not with this package.
"""

from typing import TYPE_CHECKING

from tfsv.lazy import lazily

if TYPE_CHECKING:
    from tfsv.audio.corpora import CORPORA
    from tfsv.audio.joining import join_manifests
    from tfsv.audio.manifest import Manifest, Utterance, read_manifest, write_manifest
    from tfsv.audio.pipeline import training_dataset
    from tfsv.audio.pipeline_settings import PipelineSettings
    from tfsv.audio.voices import voices_manifest

__all__ = [
    "CORPORA",
    "SAMPLE_RATE",
    "Manifest",
    "PipelineSettings",
    "Utterance",
    "join_manifests",
    "read_manifest",
    "training_dataset",
    "voices_manifest",
    "write_manifest",
]

SAMPLE_RATE = 16000
"""Samples a second of everything inside tfsv; recordings of other rates are resampled."""

_MODULES = {
    "CORPORA": "tfsv.audio.corpora",
    "Manifest": "tfsv.audio.manifest",
    "PipelineSettings": "tfsv.audio.pipeline_settings",
    "Utterance": "tfsv.audio.manifest",
    "join_manifests": "tfsv.audio.joining",
    "read_manifest": "tfsv.audio.manifest",
    "training_dataset": "tfsv.audio.pipeline",
    "voices_manifest": "tfsv.audio.voices",
    "write_manifest": "tfsv.audio.manifest",
}

__getattr__ = lazily(__name__, _MODULES)
