"""Separation: what 15 microphones hear and an angle in, the sound of the talker there out.

What needs TensorFlow is imported where it is used, so that commands can ask for settings at once.
"""

from typing import TYPE_CHECKING, ClassVar

from tfsv.card import ModelCard
from tfsv.separation.mixture_settings import SeparationData, SeparationObjective
from tfsv.separation.model_card import (
    TASK,
    array_of,
    check_separator_card,
    separator_card,
    separator_of,
)
from tfsv.separation.separator_settings import SeparatorSettings
from tfsv.tasks.task import TASKS, Task

if TYPE_CHECKING:
    import tf_keras as keras

    from tfsv.conversion.ends import Ends
    from tfsv.tasks.separation_data import SeparationTraining


class Separation(Task):
    """Separators of one talker from a mixture, whose blocks get bits (paper 4).

    Example:
        >>> task = Separation()
        >>> network = task.build(task.new_card(SIZES["half"]))
    """

    name: ClassVar = TASK
    network_record: ClassVar = SeparatorSettings
    data_record: ClassVar = SeparationData
    objective_record: ClassVar = SeparationObjective

    def new_card(self, network: SeparatorSettings) -> ModelCard:
        """The card of a separator, with the array that it hears with."""
        return separator_card(network)

    def check(self, card: ModelCard, source: str) -> None:
        """Checks the card's network and array."""
        check_separator_card(card, source)

    def build(self, card: ModelCard) -> "keras.Model":
        """The separator that a card describes, its weights not yet loaded."""
        from tfsv.separation.frames import BINS
        from tfsv.separation.spatial_features import SpatialFeatures
        from tfsv.separation.tcn import build_separator

        array, settings = array_of(card), separator_of(card)
        features = SpatialFeatures(array.positions, array.pairs, settings.phase)
        return build_separator(settings, features.count * BINS)

    def ends(self, card: ModelCard) -> "Ends":
        """A mixture and an angle in, a waveform out, whole or piece by piece."""
        from tfsv.separation.ends import separator_ends

        return separator_ends(array_of(card), separator_of(card))

    def open_data(
        self, data: SeparationData, objective: SeparationObjective
    ) -> "SeparationTraining":
        """The talkers and rooms that a record describes."""
        from tfsv.tasks.separation_data import SeparationTraining

        return SeparationTraining(data, objective)

    def coded_layers(self, network: "keras.Model") -> list[str]:
        """The layers in blocks, which alone get bits in paper 4."""
        from tfsv.separation.tcn import block_layers

        return block_layers(super().coded_layers(network))


TASKS.add(Separation.name, Separation())
