"""Fine-tuning in stages: which layers are quantized when, on one graph."""

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

    Attributes:
        layers: Their names.
        steps: Of training before the next stage.
        learning_rate: The first one; it decays to a tenth within the stage.
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
    order, the epochs and the learning rates of its stages could not be read: that there are three
    orders to choose from, that stages share the steps evenly and that each starts anew at the
    first learning rate are our choices. Fine-tuning in one go is the plan of one stage.
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
        """The step after the last one of each stage."""
        return list(itertools.accumulate(stage.steps for stage in self.stages))

    @property
    def steps(self) -> int:
        """Of all stages."""
        return self.ends[-1]

    def locate(self, step: int) -> tuple[int, int]:
        """Index of the stage that a step is in, and the step's number within it."""
        index = bisect.bisect_right(self.ends, step)
        return index, step - self.ends[index] + self.stages[index].steps

    def learning_rate(self, step: int) -> float:
        """That of the step's stage."""
        index, offset = self.locate(step)
        stage = self.stages[index]
        return LearningRate(stage.learning_rate, stage.learning_rate / 10, stage.steps)(offset)

    def check(self, layers: Collection[str]) -> None:
        """Compares the plan's layers with a network's.

        Args:
            layers: Names of the layers that have quantizers.

        Raises:
            InputError: They differ; lists the differences.
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
    """The widest codes first, the narrowest last; a stage for each width.

    Args:
        bits: Width of each layer, such as `quantized_bits` gives it.
        steps: Of all stages together, shared evenly, or of each.
        learning_rate: The first one of every stage, or of each.

    Raises:
        InputError: As many steps or learning rates as stages are needed; or see `Stage`.
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
    """The most sensitive layers first, so that all others can still make up for them.

    HAWQ fine-tunes in this order. Equal sensitivities stay in the order of `layers`.

    Args:
        layers: Those with quantizers, in the network's order.
        sensitivities: What the network loses by each at its width; other layers' are ignored.
        stages: Groups of as even a number of layers as possible.
        steps: Of all stages together, shared evenly, or of each.
        learning_rate: The first one of every stage, or of each.

    Raises:
        InputError: A layer's sensitivity is missing or not finite, or all are the same; there are
            more stages than layers; as many steps or learning rates as stages are needed.
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
    """The network's first layers first.

    Args:
        layers: Those with quantizers, in the network's order.
        stages: Groups of as even a number of layers as possible; 1: all in one go.
        steps: Of all stages together, shared evenly, or of each.
        learning_rate: The first one of every stage, or of each.

    Raises:
        InputError: There are more stages than layers; as many steps or learning rates as stages
            are needed.
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
    """The plan that an order and a number of stages ask for.

    Args:
        order: One of `ORDERS`; of no matter for one stage.
        stages: How many; 1: all layers in one go.
        bits: Width of each layer with a quantizer, in the network's order (`quantized_bits`).
        sensitivities: For the order of that name; None: there are none.
        steps: Of all stages together, shared evenly, or of each.
        learning_rate: The first one of every stage, or of each.

    Raises:
        InputError: The order is unknown, its sensitivities are missing, or `stages` is not the
            number of widths in the order of bits; or see the orders.
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
    """Carries a plan out within `fit`: its `on_step`, `learning_rate` and `state`.

    At the first step of a stage the quantizers of its layers are fitted to their latent weights
    and switched on. Layers of earlier stages go on training through the straight-through
    estimator; those of later ones compute with their latent weights, which train as well. What
    has been switched on is fitted again at the first step of every stage and each `refresh_steps`
    within it. (Binary activations have no switch; they are there from the first step.)

    The stage follows from the step's number, all else is in variables of the network. So a run
    that was killed in any stage goes on as if it had not been. The checkpoint holds the plan; a
    run with another one is refused.

    Args:
        network: What `quantize` gave, nothing switched on yet.
        plan: Its layers are those that have quantizers.
        refresh_steps: At least 1.

    Raises:
        InputError: The plan's layers are not the network's; lists the differences.
    """

    def __init__(self, network: keras.Model, plan: StagePlan, refresh_steps: int):
        self._bits = quantized_bits(network)
        plan.check(self._bits)
        if active := active_layers(network):
            raise ValueError(f"network: quantizers are on already: {active}")
        self._network = network
        self._plan = plan
        self._refresh_steps = refresh_steps

    def on_step(self, step: int) -> StepNote:
        """Switches and fits what this step asks for.

        Returns:
            "stage 2/3: 7 layers from layer2_0_conv1, 2 to 4 bits", and the scalars `stage` (from
            1) and `active_layers`.

        Raises:
            InputError: A layer's weights hold a NaN or an infinity; names the layer.
        """
        index, offset = self._plan.locate(step)
        stages = self._plan.stages
        begun = [name for stage in stages[: index + 1] for name in stage.layers]
        if offset % self._refresh_steps == 0:
            refresh_codebooks(self._network, begun)
        text = f"stage {index + 1}/{len(stages)}: {self._describe(stages[index])}"
        return StepNote(text, {"stage": index + 1, "active_layers": len(begun)})

    def learning_rate(self, step: int) -> float:
        """That of the plan."""
        return self._plan.learning_rate(step)

    def serialize(self) -> str:
        """The plan, for the checkpoint."""
        fields = dataclasses.asdict(self._plan) | {"refresh_steps": self._refresh_steps}
        return json.dumps(fields)

    def deserialize(self, string_value: bytes) -> None:
        """Compares the checkpoint's plan with this one.

        Raises:
            InputError: They differ.
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
