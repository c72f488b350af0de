"""Settings of speaker verification: speech, and what networks learn from it. No TensorFlow."""

import dataclasses
import math

from tfsv.audio.pipeline_settings import PipelineSettings
from tfsv.settings import group, require, setting


@dataclasses.dataclass(frozen=True)
class SpeechData:
    """The speech that a network is trained and measured on.

    Example:
        >>> data = SpeechData("corpus/manifest.tsv", spec_augment=True)

    Attributes:
        corpus: "voices", the built-in corpus, or a manifest's path.
        speakers: Number of speakers of the voices corpus.
        utterances: Number of utterances of each speaker of the voices corpus.
        dev_trials: Trial list for thresholds; None: `trials/dev.txt` beside the manifest.
        test_trials: Trial list to report; None: `trials/test.txt` beside the manifest.
        dev_root: Folder of the dev trials' recordings; None: the manifest has them.
        test_root: Folder of the test trials' recordings; None: the manifest has them.
        pipeline: How training crops are made; its seed is the run's seed.
        spec_augment: Whether training masks random frames and bins of the features.
    """

    corpus: str = setting("voices", "'voices' (built in) or the path of a manifest.")
    speakers: int = setting(100, "Speakers of the voices corpus.")
    utterances: int = setting(40, "Utterances of each speaker of the voices corpus.")
    dev_trials: str | None = setting(None, "Trials for thresholds. Default: trials/dev.txt.")
    test_trials: str | None = setting(None, "Trials to report. Default: trials/test.txt.")
    dev_root: str | None = setting(None, "Folder of the dev recordings. Default: the manifest.")
    test_root: str | None = setting(None, "Folder of the test recordings. Default: the manifest.")
    pipeline: PipelineSettings = group(PipelineSettings)
    spec_augment: bool = setting(False, "Mask random frames and bins of the features.")

    def __post_init__(self):
        require(
            self,
            ("speakers", self.speakers >= 6, "at least 6"),
            ("utterances", self.utterances >= 2, "at least 2"),
        )


@dataclasses.dataclass(frozen=True)
class SpeakerObjective:
    """What a network learns from speech: to tell the training speakers apart.

    Example:
        >>> objective = SpeakerObjective("aam_softmax:scale=30", margin=0.3)

    Attributes:
        objective: Name of the objective, one of `tfsv.training.objectives.OBJECTIVES`, with
            settings behind a colon, such as "aam_softmax:scale=30".
        margin: Final margin, in radians.
        margin_start: Part of the steps without margin.
        margin_end: Part of the steps at which the margin is final.
        teacher: Model whose embeddings of the training recordings are learned too: a folder, a
            `.tflite` file, or a name of `tfsv.demo`. None: there is none.
        teacher_weight: Factor on the distance to the teacher's embedding.
        relation_weight: Factor on the differences to the teacher's cosines within the batch.
    """

    objective: str = setting("aam_softmax", "What is minimised, e.g. aam_softmax:scale=30.")
    margin: float = setting(0.2, "Final margin of AAM-softmax, radians.")
    margin_start: float = setting(0.13, "Part of the steps without margin.")
    margin_end: float = setting(0.27, "Part of the steps at which the margin is final.")
    teacher: str | None = setting(
        None, "Model to learn from too: a folder or a .tflite file. Default: labels only."
    )
    teacher_weight: float = setting(10.0, "Factor on the distance to the teacher's embedding.")
    relation_weight: float = setting(5.0, "Factor on the differences to the teacher's cosines.")

    def __post_init__(self):
        require(
            self,
            ("margin", 0 <= self.margin < math.pi / 2, "0 to 1.57 radians"),
            ("margin_start", 0 <= self.margin_start <= 1, "0 to 1"),
            ("margin_end", self.margin_start <= self.margin_end <= 1, "'margin_start' to 1"),
            ("teacher_weight", self.teacher_weight >= 0, "at least 0"),
            ("relation_weight", self.relation_weight >= 0, "at least 0"),
        )
