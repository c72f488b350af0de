"""Settings of training, quantizing and fine-tuning, whatever the task. No TensorFlow."""

import dataclasses

from tfsv.errors import InputError
from tfsv.settings import require, setting
from tfsv.training.stage_orders import ORDERS
from tfsv.widths import is_quantized


@dataclasses.dataclass(frozen=True)
class FloatTraining:
    """How the float network is trained.

    Example:
        >>> training = FloatTraining(epochs=20, optimizer="adamw", learning_rate=1e-3)

    Attributes:
        epochs: Epochs of training, perhaps a fraction; an epoch is all training data once.
        optimizer: Name of the optimizer, one of `tfsv.training.optimizers.OPTIMIZERS`.
        learning_rate: First learning rate.
        last_learning_rate: Learning rate that the first one decays to.
        warmup: Part of the steps in which the learning rate rises from 0.
        weight_decay: Weight decay.
        checkpoint_steps: Steps between two checkpoints, in fine-tuning too.
        bfloat16: Whether convolutions and matrix products are computed in bfloat16, in fine-tuning
            too. It is faster on processors that have instructions for it, and slower on others.
        initial_model: Folder of a float model to train further, perhaps on other data. Training
            begins with its weights and with what it keeps of its training, such as class vectors.
            The network is the model's own. None: a new one begins at random.
        clip_norm: Length that the gradients of a step are cut down to, in fine-tuning too. None:
            none is cut.
    """

    epochs: float = setting(150.0, "Epochs of float training; may be a fraction.")
    optimizer: str = setting("sgd", "sgd (with Nesterov momentum) or adamw.")
    learning_rate: float = setting(0.1, "First learning rate.")
    last_learning_rate: float = setting(5e-5, "Last learning rate.")
    warmup: float = setting(0.04, "Part of the steps in which the learning rate rises.")
    weight_decay: float = setting(1e-4, "Weight decay.")
    checkpoint_steps: int = setting(100, "Steps between two checkpoints.")
    bfloat16: bool = setting(
        False, "Compute products in bfloat16, for processors with avx512_bf16 or AMX."
    )
    initial_model: str | None = setting(
        None, "Folder of a float model to train further. Default: begin at random."
    )
    clip_norm: float | None = setting(
        None, "Length that the gradients of a step are cut down to. Default: none is cut."
    )

    def __post_init__(self):
        require(
            self,
            ("epochs", self.epochs > 0, "more than 0"),
            ("learning_rate", self.learning_rate > 0, "more than 0"),
            (
                "last_learning_rate",
                0 < self.last_learning_rate <= self.learning_rate,
                "more than 0 and at most 'learning_rate'",
            ),
            ("warmup", 0 <= self.warmup < 1, "0 to 1"),
            ("clip_norm", self.clip_norm is None or self.clip_norm > 0, "more than 0"),
            ("weight_decay", self.weight_decay >= 0, "at least 0"),
            ("checkpoint_steps", self.checkpoint_steps >= 1, "at least 1"),
        )


QUANTIZED_CODES = ("codebooks", "calibrated")
"""What a quantized child of a float model can begin with."""

REFRESH_STEPS = 100
"""Steps between two refreshes of codebooks, where none are given."""


@dataclasses.dataclass(frozen=True)
class Quantization:
    """How weights become codes.

    Example:
        >>> quantization = Quantization(bits=2, scheme="uniform:scale=max")

    Attributes:
        bits: Width of all layers: 1 to 8 of codes, or 16 of float16; 0: the network stays float.
        bit_plan: File with a width for each layer, which comes before `bits`. None: there is none.
        scheme: Quantizer and its settings, as `tfsv.quantization.schemes.Scheme` parses them.
        codes: What the quantized network begins with, before fine-tuning. "codebooks": each layer's
            weights take the nearest centroids of its codebook. "calibrated": codes and centroids
            are those of `tfsv.quantize_on`, on the first batches of the training data.
    """

    bits: int = setting(
        4, "Width of the codes, 1 to 8, or 16 for float16; 0 trains the float network only."
    )
    bit_plan: str | None = setting(
        None, "File with the bits of each layer; see `tfsv search-bits`."
    )
    scheme: str = setting("kmeans", "Quantizer and its settings, e.g. uniform:scale=max.")
    codes: str = setting(
        "codebooks", "Codes that fine-tuning begins with: codebooks, or calibrated on its data."
    )

    def __post_init__(self):
        possible = self.bits == 0 or is_quantized(self.bits)
        require(
            self,
            ("bits", possible, "0 (float), 1 to 8 or 16 (float16)"),
            ("codes", self.codes in QUANTIZED_CODES, " or ".join(QUANTIZED_CODES)),
        )

    @property
    def wanted(self) -> bool:
        """Whether anything is to be quantized."""
        return bool(self.bits or self.bit_plan)

    @property
    def calibrated(self) -> bool:
        """Whether codes are calibrated on the training data."""
        return self.codes == "calibrated"


@dataclasses.dataclass(frozen=True)
class Widths:
    """How many bits the layers of a float network get; one of the three is given.

    Example:
        >>> widths = Widths(budget="900kB")

    Attributes:
        bits: Width of all layers: 1 to 8 of codes, or 16 of float16.
        bit_plan: File with a width for each layer.
        budget: Bytes of the packed file, for which widths are searched, such as "900kB".
    """

    bits: int | None = setting(None, "Width of the codes of all layers, 1 to 8, or 16 for float16.")
    bit_plan: str | None = setting(
        None, "File with the bits of each layer; see `tfsv search-bits`."
    )
    budget: str | None = setting(
        None, "Bytes of the packed file, e.g. 900kB, for which bits are searched."
    )

    def __post_init__(self):
        given = [value for value in (self.bits, self.bit_plan, self.budget) if value is not None]
        if len(given) != 1:
            raise InputError("give one of 'bits', 'bit_plan' and 'budget'")
        possible = self.bits is None or is_quantized(self.bits)
        require(self, ("bits", possible, "1 to 8 or 16 (float16)"))


@dataclasses.dataclass(frozen=True)
class FineTuning:
    """How quantized networks, and the control, are trained further.

    Example:
        >>> finetuning = FineTuning(epochs=5, stages=3, stage_order="sensitivity")

    Attributes:
        epochs: Epochs of further training, perhaps a fraction; 0: none.
        learning_rate: First learning rate; it decays to a tenth, in each stage anew.
        optimizer: Name of the optimizer, one of `tfsv.training.optimizers.OPTIMIZERS`. None: the
            optimizer of the float training.
        weight_decay: Weight decay. None: that of the float training.
        refresh_steps: Steps between two refreshes of the codebooks. None: `REFRESH_STEPS`. With
            calibrated codes None means no refreshes, which ruin them.
        stages: Number of stages, which share the epochs; 1: all layers in one go.
        stage_order: Order in which layers are quantized: "bits" (the widest first; a stage for each
            width), "sensitivity" (of the bit plan) or "front".
        control: Whether the float network gets the further epochs too, as their control.
        parent_weight: Weight of the float parent as a teacher that hears the same crops: of the
            distance to its embedding, and half of it on its cosines within the batch. 0: it teaches
            nothing.
    """

    epochs: float = setting(
        10.0, "Epochs of fine-tuning the quantized network.", flag="finetune_epochs"
    )
    learning_rate: float = setting(
        1e-3, "First learning rate of fine-tuning.", flag="finetune_learning_rate"
    )
    optimizer: str | None = setting(
        None, "Optimizer of fine-tuning. Default: the float training's.", flag="finetune_optimizer"
    )
    weight_decay: float | None = setting(
        None,
        "Decay of fine-tuning. Default: the float training's.",
        flag="finetune_weight_decay",
    )
    refresh_steps: int | None = setting(
        None,
        "Steps between two refreshes of the codebooks. Default: 100; none of calibrated codes.",
    )
    stages: int = setting(1, "Stages of fine-tuning; 1: all layers in one go.")
    stage_order: str = setting("bits", "Layers that come first: bits, sensitivity or front.")
    control: bool = setting(False, "Also train the float network for the further epochs.")
    parent_weight: float = setting(
        0.0, "Weight of the float parent as a teacher of its quantized child; 0: it does not teach."
    )

    def __post_init__(self):
        require(
            self,
            ("epochs", self.epochs >= 0, "at least 0"),
            ("learning_rate", self.learning_rate > 0, "more than 0"),
            (
                "refresh_steps",
                self.refresh_steps is None or self.refresh_steps >= 1,
                "at least 1",
            ),
            ("stages", self.stages >= 1, "at least 1"),
            ("stage_order", self.stage_order in ORDERS, " or ".join(ORDERS)),
            ("parent_weight", self.parent_weight >= 0, "at least 0"),
        )


@dataclasses.dataclass(frozen=True)
class LabelFreeTuning:
    """How a float parent teaches its quantized child on recordings without labels.

    Both hear the same crops, and the child is to give the parent's embeddings. The optimizer is
    AdamW without decay.

    Example:
        >>> tuning = LabelFreeTuning(steps=2000, stages=2, stage_order="front")

    Attributes:
        steps: Steps of training; 0: none.
        learning_rate: First learning rate; it decays to a tenth, in each stage anew.
        batch_size: Number of crops in a batch.
        parent_weight: Factor on the distance to the parent's embedding; half of it is that of its
            cosines within the batch.
        augment: Whether crops get rooms, noise and other microphones at random. By default they do
            not, with which error rates fell; with it only embeddings came nearer to the parent's.
        refresh_steps: Steps between two refreshes of the codebooks. By default they stay as the
            calibration found them: refreshes every 100 steps ruined networks of 1 and 2 bits, for a
            reason that is not yet known.
        stages: Number of stages, which share the steps; 1: all layers in one go.
        stage_order: Order in which layers are quantized: "bits", "sensitivity" (of the bit plan) or
            "front".
        checkpoint_steps: Steps between two checkpoints.
        bfloat16: Whether convolutions and matrix products are computed in bfloat16.
    """

    steps: int = setting(
        0, "Steps of training under the float parent, without labels.", flag="finetune_steps"
    )
    learning_rate: float = setting(
        1e-3, "First learning rate of that training.", flag="finetune_learning_rate"
    )
    batch_size: int = setting(32, "Crops in a batch of that training.")
    parent_weight: float = setting(10.0, "Factor on the distance to the parent's embedding.")
    augment: bool = setting(False, "Train in rooms, noise and through other microphones.")
    refresh_steps: int = setting(
        1_000_000, "Steps between two refreshes; by default codebooks stay as calibrated."
    )
    stages: int = setting(1, "Stages of that training; 1: all layers in one go.")
    stage_order: str = setting("bits", "Layers that come first: bits, sensitivity or front.")
    checkpoint_steps: int = setting(100, "Steps between two checkpoints.")
    bfloat16: bool = setting(False, "Train in bfloat16, for processors with avx512_bf16 or AMX.")

    def __post_init__(self):
        require(
            self,
            ("steps", self.steps >= 0, "at least 0"),
            ("learning_rate", self.learning_rate > 0, "more than 0"),
            ("batch_size", self.batch_size >= 2, "at least 2"),
            ("parent_weight", self.parent_weight > 0, "more than 0"),
            ("refresh_steps", self.refresh_steps >= 1, "at least 1"),
            ("stages", self.stages >= 1, "at least 1"),
            ("stage_order", self.stage_order in ORDERS, " or ".join(ORDERS)),
            ("checkpoint_steps", self.checkpoint_steps >= 1, "at least 1"),
        )


@dataclasses.dataclass(frozen=True)
class BitSearchSettings:
    """What decides a bit plan beside model, data, method and budget.

    Example:
        >>> settings = BitSearchSettings(candidates=(2, 3, 4), tie_shortcuts=True)

    Attributes:
        scheme: Quantizer and its settings, as `tfsv.quantization.schemes.Scheme` parses them.
        candidates: Widths to choose from, of codes or 16 for float16. Empty: all widths of codes
            that the scheme has.
        tie_shortcuts: Whether a shortcut gets the bits of its block's main branch.
        tie_blocks: Whether all layers of a block get the same bits.
        compute: What the packed file computes with, "int8_weights" or "float32".
        batches: Number of batches of training data, for curvature, kl and the front.
    """

    scheme: str = setting("kmeans", "Quantizer and its settings, e.g. uniform:scale=max.")
    candidates: tuple[int, ...] = setting(
        (), "Widths to choose from, e.g. 2,4,8,16. Default: all of codes that the scheme has."
    )
    tie_shortcuts: bool = setting(False, "Give a shortcut the bits of its block's main branch.")
    tie_blocks: bool = setting(False, "Give all layers of a block the same bits.")
    compute: str = setting(
        "int8_weights", "What the packed file computes with: int8_weights or float32."
    )
    batches: int = setting(2, "Batches of training crops (curvature, kl, --front).")

    def __post_init__(self):
        computes = ("int8_weights", "float32")
        require(
            self,
            ("compute", self.compute in computes, " or ".join(computes)),
            ("batches", self.batches >= 1, "at least 1"),
        )
