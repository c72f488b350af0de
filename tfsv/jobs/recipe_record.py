"""Everything that decides the outcome of a run, as a record. No TensorFlow."""

import dataclasses
import os
from collections.abc import Mapping
from typing import Any

from tfsv.errors import InputError
from tfsv.jobs.settings import REFRESH_STEPS, FineTuning, FloatTraining, Quantization
from tfsv.settings import read_record
from tfsv.tasks.task import DEFAULT_TASK, TASKS

SCHEMA = 2
"""Version of the JSON form; recipes without a version (tfsv 0.1) are read too."""


@dataclasses.dataclass(frozen=True)
class Recipe:
    """What a run does. Every field has a default, which `tfsv train` has too.

    Example:
        >>> recipe = Recipe(
        ...     network=NetworkSettings("ecapa512"), quantization=Quantization(bits=2)
        ... )

    Attributes:
        task: Name of the task, one of `tfsv.tasks.TASKS`.
        data: The task's record of data; for speaker verification `SpeechData`.
        network: The task's record of a network; for speaker verification `NetworkSettings`.
        objective: The task's record of an objective; for speaker verification `SpeakerObjective`.
        training: How the float network is trained.
        quantization: How the network's weights become codes.
        finetuning: How the quantized network is trained further.
        start: Folder of a float model to quantize instead of training one. None: one is trained.
            With a folder, `network` and `training` do not matter, but for optimizer and weight
            decay. A model may have kept nothing of its training, such as an imported one. It
            starts with what the task puts in its place, such as mean embeddings of the speakers
            for class vectors. With `training.initial_model`, `network` does not matter either.
    """

    task: str = DEFAULT_TASK
    data: Any = dataclasses.field(default_factory=lambda: TASKS[DEFAULT_TASK].data_record())
    network: Any = dataclasses.field(default_factory=lambda: TASKS[DEFAULT_TASK].network_record())
    objective: Any = dataclasses.field(
        default_factory=lambda: TASKS[DEFAULT_TASK].objective_record()
    )
    training: FloatTraining = dataclasses.field(default_factory=FloatTraining)
    quantization: Quantization = dataclasses.field(default_factory=Quantization)
    finetuning: FineTuning = dataclasses.field(default_factory=FineTuning)
    start: str | None = None

    def __post_init__(self):
        task = TASKS.named(self.task)
        for name in _OF_TASK:
            wanted = getattr(task, f"{name}_record")
            if not isinstance(getattr(self, name), wanted):
                raise ValueError(
                    f"{name}: expected a {wanted.__name__} for the task {self.task}. "
                    f"Received: {getattr(self, name)!r:.80}"
                )

    def resolved(self) -> "Recipe":
        """The same recipe with everything written out that a name or None stands for.

        Raises:
            InputError: A name or size is impossible; the message names the setting.
        """
        from tfsv.quantization.schemes import Scheme

        scheme = str(Scheme.parse(self.quantization.scheme))
        given = self.start or self.training.initial_model
        network = self.network if given else TASKS[self.task].resolved(self.network)
        quantization = dataclasses.replace(self.quantization, scheme=scheme)
        finetuning = self.finetuning
        if finetuning.refresh_steps is None and not quantization.calibrated:
            finetuning = dataclasses.replace(finetuning, refresh_steps=REFRESH_STEPS)
        return dataclasses.replace(
            self, network=network, quantization=quantization, finetuning=finetuning
        )

    def to_dict(self) -> dict[str, Any]:
        """The recipe as JSON-ready values."""
        return {"schema": SCHEMA, **dataclasses.asdict(self)}

    @classmethod
    def from_dict(cls, fields: Any, source: str | os.PathLike = "recipe") -> "Recipe":
        """Reads what `to_dict` gave, in this version or before; new settings get their defaults.

        Raises:
            InputError: The fields are no recipe, or one of a later version; the message names the
                source.
        """
        if not isinstance(fields, Mapping):
            raise InputError(f"{source}: not a recipe")
        fields = {key: value for key, value in fields.items() if key != "input_sha256"}
        schema = fields.pop("schema", 1)
        if schema == 1:
            fields = _from_flat(fields, source)
        elif schema != SCHEMA:
            raise InputError(f"{source}: recipe of schema {schema!r}, this tfsv reads {SCHEMA}")
        task = TASKS.named(fields.get("task", DEFAULT_TASK))
        kinds = {name: getattr(task, f"{name}_record") for name in _OF_TASK} | _RECORDS
        values = dict(fields)
        for name, kind in kinds.items():
            if name in values:
                values[name] = read_record(kind, values[name], source)
        if unknown := sorted(set(values) - {field.name for field in dataclasses.fields(cls)}):
            raise InputError(f"{source}: unknown part {unknown[0]!r}; use the tfsv that wrote it")
        return cls(**values)


_OF_TASK = ("data", "network", "objective")
_RECORDS = {"training": FloatTraining, "quantization": Quantization, "finetuning": FineTuning}

_FLAT = {
    "data": (
        "corpus", "speakers", "utterances", "dev_trials", "test_trials", "dev_root", "test_root",
        "pipeline", "spec_augment",
    ),
    "network": ("network", "channels", "bins", "embedding_size", "pooling"),
    "objective": ("margin", "margin_start", "margin_end"),
    "training": (
        "epochs", "optimizer", "learning_rate", "last_learning_rate", "warmup", "weight_decay",
        "checkpoint_steps",
    ),
    "quantization": ("bits", "bit_plan", "scheme"),
    "finetuning": (
        "finetune_epochs", "finetune_learning_rate", "refresh_steps", "stages", "stage_order",
        "control",
    ),
}  # fmt: skip
_RENAMED = {
    "network": "name",
    "finetune_epochs": "epochs",
    "finetune_learning_rate": "learning_rate",
}


def _from_flat(fields: Mapping[str, Any], source: str | os.PathLike) -> dict[str, Any]:
    """A recipe of tfsv 0.1, one table of speaker verification, in today's form."""
    try:
        nested = {
            part: {_RENAMED.get(name, name): fields[name] for name in names}
            for part, names in _FLAT.items()
        }
    except KeyError as error:
        raise InputError(f"{source}: no recipe of tfsv ({error} is missing)") from error
    return {"task": DEFAULT_TASK, "start": fields.get("start"), **nested}
