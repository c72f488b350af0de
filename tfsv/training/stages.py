"""Fine-tuning in stages, which quantize one group of layers after another on one graph."""

import bisect
import dataclasses
import functools
import itertools
import json
import math
from collections.abc import Collection, Mapping, Sequence

import tensorflow as tf
import tf_keras as keras

from tfsv.errors import InputError
from tfsv.quantization.network import active_layers, quantized_bits, refresh_codebooks
from tfsv.training.loop import StepNote
from tfsv.training.schedules import LearningRate
from tfsv.training.stage_orders import ORDERS


@dataclasses.dataclass(frozen=True)
class Stage:
    """Layers whose quantizers are switched on together.

    Example:
        >>> stage = Stage(("stem", "embedding"), steps=1000, learning_rate=0.01)

    Attributes:
        layers: Names of the layers.
        steps: Number of training steps before the next stage.
        learning_rate: First learning rate, which decays to a tenth within the stage.
    """

    layers: tuple[str, ...]
    steps: int
    learning_rate: float

    def __post_init__(self):
        if not self.layers:
            raise InputError("stage plan: a stage without layers; plan fewer stages")
        if self.steps < 1:
            raise InputError(
                f"stage plan: {self.steps} steps for the stage of {self.layers[0]}; "
                "train for more epochs or in fewer stages"
            )
        if not self.learning_rate > 0:
            raise InputError(
                f"stage plan: learning rate {self.learning_rate} for the stage of "
                f"{self.layers[0]}; expected more than 0"
            )


@dataclasses.dataclass(frozen=True)
class StagePlan:
    """Stages in order (paper 1's multi-stage fine-tuning).

    Paper 1 quantizes and fine-tunes progressively in a certain order once the bits are fixed. The
    order, the epochs and the learning rates of its stages could not be read. So our choices are
    three orders, stages that share the steps evenly, and a new start at the first learning rate.
    Fine-tuning in one go is the plan of one stage.

    Example:
        >>> plan = StagePlan((Stage(("stem",), 100, 0.01), Stage(("embedding",), 200, 0.01)))
        >>> plan.ends, plan.locate(150)
        ([100, 300], (1, 50))

    Attributes:
        stages: Stages in their order. No layer is in two of them.
    """

    stages: tuple[Stage, ...]

    def __post_init__(self):
        if not self.stages:
            raise InputError("stage plan: no stages; plan at least one")
        names = [name for stage in self.stages for name in stage.layers]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise InputError(f"stage plan: names {', '.join(twice)} more than once")

    @functools.cached_property
    def ends(self) -> list[int]:
        """Steps at which the stages end, each one more than the stage's last step."""
        return list(itertools.accumulate(stage.steps for stage in self.stages))

    @property
    def steps(self) -> int:
        """Number of steps of all stages."""
        return self.ends[-1]

    def locate(self, step: int) -> tuple[int, int]:
        """Index of the stage that a step is in, and the step's number within it."""
        index = bisect.bisect_right(self.ends, step)
        return index, step - self.ends[index] + self.stages[index].steps

    def learning_rate(self, step: int) -> float:
        """Learning rate of a step."""
        index, offset = self.locate(step)
        stage = self.stages[index]
        return LearningRate(stage.learning_rate, stage.learning_rate / 10, stage.steps)(offset)

    def check(self, layers: Collection[str]) -> None:
        """Compares the plan's layers with a network's.

        Args:
            layers: Names of the layers that have quantizers.

        Raises:
            InputError: The layers differ. The message lists the differences.
        """
        planned = {name for stage in self.stages for name in stage.layers}
        missing, unknown = sorted(set(layers) - planned), sorted(planned - set(layers))
        parts = [f"lacks {', '.join(missing)}"] if missing else []
        parts += [f"has {', '.join(unknown)}, without a quantizer"] if unknown else []
        if parts:
            raise InputError(f"stage plan: {'; '.join(parts)}")


def by_bits(
    bits: Mapping[str, int], steps: int | Sequence[int], learning_rate: float | Sequence[float]
) -> StagePlan:
    """A plan with a stage for each width, the widest codes first and the narrowest last.

    Example:
        >>> plan = by_bits({"stem": 8, "embedding": 2}, steps=100, learning_rate=0.01)
        >>> [stage.layers for stage in plan.stages]
        [('stem',), ('embedding',)]

    Args:
        bits: Width of each layer, such as `quantized_bits` gives it.
        steps: Number of steps of all stages together, shared evenly, or of each stage.
        learning_rate: First learning rate of all stages, or of each stage.

    Raises:
        InputError: The steps or learning rates are not as many as stages, or are not above 0.
    """
    widths = sorted(set(bits.values()), reverse=True)
    groups = [[name for name in bits if bits[name] == width] for width in widths]
    return _plan(groups, steps, learning_rate)


def by_sensitivity(
    layers: Sequence[str],
    sensitivities: Mapping[str, float],
    stages: int,
    steps: int | Sequence[int],
    learning_rate: float | Sequence[float],
) -> StagePlan:
    """A plan with the most sensitive layers first, so that all others can still make up for them.

    HAWQ fine-tunes in this order. Layers of equal sensitivity stay in the order of `layers`.

    Example:
        >>> losses = {"stem": 0.1, "embedding": 0.3}
        >>> plan = by_sensitivity(list(losses), losses, 2, steps=100, learning_rate=0.01)
        >>> [stage.layers for stage in plan.stages]
        [('embedding',), ('stem',)]

    Args:
        layers: Names of the layers with quantizers, in the network's order.
        sensitivities: Loss of the network by each layer at its width. Other layers' are ignored.
        stages: Number of stages, which share the layers as evenly as possible.
        steps: Number of steps of all stages together, shared evenly, or of each stage.
        learning_rate: First learning rate of all stages, or of each stage.

    Raises:
        InputError: A sensitivity is missing or not finite, or all are the same. It is also raised
            for more stages than layers, and for steps or learning rates that are not as many as
            stages.
    """
    if missing := sorted(set(layers) - set(sensitivities)):
        raise InputError(f"stage plan: no sensitivity of {', '.join(missing)}")
    values = {name: sensitivities[name] for name in layers}
    if wrong := sorted(name for name in layers if not math.isfinite(values[name])):
        raise InputError(f"stage plan: the sensitivity of {', '.join(wrong)} is not finite")
    if len(layers) > 1 and len(set(values.values())) == 1:
        raise InputError(
            f"stage plan: all sensitivities are {values[layers[0]]:g}, which is no order; "
            "take another order or a bit plan with sensitivities"
        )
    ordered = sorted(layers, key=values.__getitem__, reverse=True)
    return _plan(_split(ordered, stages), steps, learning_rate)


def front_to_back(
    layers: Sequence[str],
    stages: int,
    steps: int | Sequence[int],
    learning_rate: float | Sequence[float],
) -> StagePlan:
    """A plan with the network's first layers first.

    Example:
        >>> plan = front_to_back(["stem", "conv", "embedding"], 2, steps=100, learning_rate=0.01)
        >>> [stage.layers for stage in plan.stages]
        [('stem',), ('conv', 'embedding')]

    Args:
        layers: Names of the layers with quantizers, in the network's order.
        stages: Number of stages, which share the layers as evenly as possible. 1: all layers are
            quantized in one go.
        steps: Number of steps of all stages together, shared evenly, or of each stage.
        learning_rate: First learning rate of all stages, or of each stage.

    Raises:
        InputError: There are more stages than layers, or the steps or learning rates are not as
            many as stages.
    """
    return _plan(_split(layers, stages), steps, learning_rate)


def plan_stages(
    order: str,
    stages: int,
    bits: Mapping[str, int],
    sensitivities: Mapping[str, float] | None,
    steps: int | Sequence[int],
    learning_rate: float | Sequence[float],
) -> StagePlan:
    """The plan for an order and a number of stages.

    Example:
        >>> bits = {"stem": 8, "embedding": 2}
        >>> plan = plan_stages("front", 2, bits, None, steps=100, learning_rate=0.01)
        >>> plan.ends
        [50, 100]

    Args:
        order: Name of the order, one of `ORDERS`. It does not matter for one stage.
        stages: Number of stages. 1: all layers are quantized in one go.
        bits: Width of each layer with a quantizer, in the network's order (`quantized_bits`).
        sensitivities: Loss of the network by each layer at its width, for the order "sensitivity".
            None: it is not known.
        steps: Number of steps of all stages together, shared evenly, or of each stage.
        learning_rate: First learning rate of all stages, or of each stage.

    Raises:
        InputError: The order is unknown, its sensitivities are missing, or `stages` does not fit
            the order. It is also raised for steps or learning rates that are not as many as stages.
    """
    if order not in ORDERS:
        raise InputError(f"stage_order={order}: expected {', '.join(ORDERS)}")
    if stages == 1 or order == "front":
        return front_to_back(list(bits), stages, steps, learning_rate)
    if order == "bits":
        if stages != (widths := len(set(bits.values()))):
            raise InputError(
                f"stages={stages}: stage_order=bits has a stage for each width, here {widths}; "
                f"give stages={widths} or another order"
            )
        return by_bits(bits, steps, learning_rate)
    if sensitivities is None:
        raise InputError("stage_order=sensitivity: needs a bit plan; see `tfsv search-bits`")
    return by_sensitivity(list(bits), sensitivities, stages, steps, learning_rate)


class StagedFineTuning(tf.train.experimental.PythonState):
    """The `on_step`, `learning_rate` and `state` of a fit that carries a plan out.

    At the first step of a stage the quantizers of its layers are fitted to their latent weights and
    switched on. Layers of earlier stages go on training through the straight-through estimator.
    Layers of later stages compute with their latent weights, which train as well. Active quantizers
    are fitted again at the first step of every stage, and every `refresh_steps` within it. Without
    `refresh_steps` each is fitted once. Binary activations have no switch and are there from the
    first step.

    The stage follows from the step's number, and all else is in variables of the network. So a run
    that was killed in any stage goes on as if it had not been. The checkpoint holds the plan, and a
    run with another plan is refused.

    Example:
        >>> quantized = quantize(network, 4)
        >>> plan = front_to_back(list(quantized_bits(quantized)), 1, steps=100, learning_rate=0.01)
        >>> staged = StagedFineTuning(quantized, plan, refresh_steps=50)
        >>> rate, hook = staged.learning_rate, staged.on_step
        >>> settings = FitSettings(plan.steps, rate, on_step=hook, state=staged)

    Args:
        network: Network that `quantize` gave, with no quantizer switched on yet.
        plan: Stages of exactly the layers that have quantizers.
        refresh_steps: Number of steps between two refreshes, at least 1. None: a layer is fitted at
            the first step of its own stage, and never again.

    Raises:
        InputError: The plan's layers are not the network's. The message lists the differences.
        ValueError: A quantizer is switched on already.
    """

    def __init__(self, network: keras.Model, plan: StagePlan, refresh_steps: int | None):
        self._bits = quantized_bits(network)
        plan.check(self._bits)
        if active := active_layers(network):
            raise ValueError(f"network: quantizers are on already: {active}")
        self._network = network
        self._plan = plan
        self._refresh_steps = refresh_steps

    def on_step(self, step: int) -> StepNote:
        """Switches on and fits the quantizers that this step asks for.

        Returns:
            A note with a text such as "stage 2/3: 7 layers from layer2_0_conv1, 2 to 4 bits". Its
            scalars are `stage` (from 1) and `active_layers`.

        Raises:
            InputError: A layer's weights hold a NaN or an infinity. The message names the layer.
        """
        index, offset = self._plan.locate(step)
        stages = self._plan.stages
        begun = [name for stage in stages[: index + 1] for name in stage.layers]
        if self._refresh_steps is None:
            if offset == 0:
                refresh_codebooks(self._network, stages[index].layers)
        elif offset % self._refresh_steps == 0:
            refresh_codebooks(self._network, begun)
        text = f"stage {index + 1}/{len(stages)}: {self._describe(stages[index])}"
        return StepNote(text, {"stage": index + 1, "active_layers": len(begun)})

    def learning_rate(self, step: int) -> float:
        """Learning rate of a step in the plan."""
        return self._plan.learning_rate(step)

    def serialize(self) -> str:
        """The plan as text for the checkpoint."""
        fields = dataclasses.asdict(self._plan) | {"refresh_steps": self._refresh_steps}
        return json.dumps(fields)

    def deserialize(self, string_value: bytes) -> None:
        """Compares the checkpoint's plan with this one.

        Raises:
            InputError: The plans differ.
        """
        if string_value.decode() != self.serialize():
            raise InputError("its stages, their steps, learning rates or refreshes were others")

    def _describe(self, stage: Stage) -> str:
        widths = sorted({self._bits[name] for name in stage.layers})
        count, first = len(stage.layers), stage.layers[0]
        group = first if count == 1 else f"{count} layers from {first}"
        bits = f"{widths[0]} to {widths[-1]} bits" if len(widths) > 1 else f"{widths[0]} bit"
        return f"{group}, {bits}" + ("s" if len(widths) == 1 and widths[0] > 1 else "")


def _split(layers: Sequence[str], stages: int) -> list[Sequence[str]]:
    if not layers:
        return []
    if not 1 <= stages <= len(layers):
        raise InputError(f"stage plan: {stages} stages of {len(layers)} layers; 1 to as many")
    cuts = [i * len(layers) // stages for i in range(stages + 1)]
    return [layers[start:end] for start, end in itertools.pairwise(cuts)]


def _plan(
    groups: Sequence[Sequence[str]],
    steps: int | Sequence[int],
    learning_rate: float | Sequence[float],
) -> StagePlan:
    if not groups:
        raise InputError("stage plan: no layers have quantizers; there is nothing to stage")
    count = len(groups)
    if not isinstance(steps, Sequence):
        cuts = [i * steps // count for i in range(count + 1)]
        steps = [end - start for start, end in itertools.pairwise(cuts)]
    if not isinstance(learning_rate, Sequence):
        learning_rate = [learning_rate] * count
    for given, what in ((steps, "numbers of steps"), (learning_rate, "learning rates")):
        if len(given) != count:
            raise InputError(f"stage plan: {len(given)} {what} for {count} stages; one for each")
    stages = zip(groups, steps, learning_rate, strict=True)
    return StagePlan(tuple(Stage(tuple(layers), n, rate) for layers, n, rate in stages))
