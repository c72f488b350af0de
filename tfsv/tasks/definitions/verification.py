"""Speaker verification: speech in, an embedding of the speaker out.

What needs TensorFlow is imported where it is used, so that commands can ask for settings at once.
"""

import dataclasses
from typing import TYPE_CHECKING, ClassVar

from tfsv.audio.crop_settings import RecordingSettings
from tfsv.card import ModelCard
from tfsv.models.settings import NetworkSettings
from tfsv.tasks.task import TASKS, RecordedInputs, Task
from tfsv.verification.model_card import (
    TASK,
    check_speaker_card,
    front_end_of,
    network_of,
    speaker_card,
)
from tfsv.verification.settings import SpeakerObjective, SpeechData

if TYPE_CHECKING:
    import tf_keras as keras

    from tfsv.conversion.ends import Ends
    from tfsv.tasks.unlabelled import UnlabelledSpeech
    from tfsv.tasks.verification_data import SpeechTraining

_BATCH = 16  # crops that go through a layer at a time


class Verification(Task):
    """Networks of `tfsv.models` behind log-mel features, compared by cosine.

    Example:
        >>> task = Verification()
        >>> card = task.new_card(NetworkSettings("resnet18", channels=16, embedding_size=256))
        >>> network = task.build(card)
    """

    name: ClassVar = TASK
    network_record: ClassVar = NetworkSettings
    data_record: ClassVar = SpeechData
    objective_record: ClassVar = SpeakerObjective
    recordings_record: ClassVar = RecordingSettings
    method_packages: ClassVar = ("tfsv.verification.methods",)

    def resolved(self, network: NetworkSettings) -> NetworkSettings:
        """The record with the sizes filled in that the network leaves open."""
        return network.resolved()

    def new_card(self, network: NetworkSettings) -> ModelCard:
        """The card of a speaker network, with the settings of its front end."""
        from tfsv.features import LogMel

        network = network.resolved()
        return speaker_card(network, LogMel(bins=network.bins).settings())

    def check(self, card: ModelCard, source: str) -> None:
        """Checks the card's network, front end, thresholds and error rates."""
        check_speaker_card(card, source)

    def build(self, card: ModelCard) -> "keras.Model":
        """The speaker network that a card describes, its weights not yet loaded."""
        return network_of(card).build()

    def filled(self, card: ModelCard) -> ModelCard:
        """The card with three thresholds and two error rates, as long as measured ones.

        A scorer that it decides with stays, for it is as long as that of a quantized model.
        """
        third = 1 / 3  # prints with all its digits, as measured figures do
        thresholds = dict.fromkeys(("eer", "far_0.01", "far_0.001"), third)
        return dataclasses.replace(
            card,
            measured=dict.fromkeys(("eer", "min_dcf"), third),
            decision={**card.decision, "thresholds": thresholds},
        )

    def ends(self, card: ModelCard) -> "Ends":
        """A waveform in, an L2-normalised embedding out, the front end between them."""
        from tfsv.verification.ends import speaker_ends

        return speaker_ends(front_end_of(card), network_of(card).embedding_size)

    def open_data(self, data: SpeechData, objective: SpeakerObjective) -> "SpeechTraining":
        """The speech that a record describes, with its training speakers to tell apart."""
        from tfsv.tasks.verification_data import SpeechTraining

        return SpeechTraining(data, objective)

    def recorded_inputs(self, recordings: RecordingSettings, card: ModelCard) -> RecordedInputs:
        """Features of crops of the recordings, as the model's own front end makes them."""
        from tfsv.audio.crops import cut_crops, recordings_in
        from tfsv.front_ends import front_end_layer

        crops = cut_crops(
            recordings_in(recordings.recordings),
            count=recordings.crops,
            seconds=recordings.crop_seconds,
            seed=recordings.seed,
        )
        front_end = front_end_layer(front_end_of(card))
        starts = range(0, len(crops.waveforms), _BATCH)
        batches = [front_end(crops.waveforms[i : i + _BATCH]).numpy() for i in starts]
        return RecordedInputs(batches, crops.used)

    def unlabelled_data(
        self, recordings: RecordingSettings, *, batch_size: int, augment: bool
    ) -> "UnlabelledSpeech":
        """Crops of all recordings, long ones as often as their length asks.

        The chances of rooms, noise and other microphones are those of `configs/demo.flags`.
        """
        from tfsv.audio.crops import recordings_in
        from tfsv.audio.pipeline_settings import PipelineSettings
        from tfsv.tasks.unlabelled import UnlabelledSpeech, usable

        chances = dict(room_probability=0.3, noise_probability=0.5, equalizer_probability=0.5)
        pipeline = PipelineSettings(
            batch_size=batch_size,
            crop_seconds=recordings.crop_seconds,
            speed_factors=(1.0,),
            visit_seconds=2 * recordings.crop_seconds,
            seed=recordings.seed,
            decoder="soundfile",
            **(chances if augment else dict.fromkeys(chances, 0.0)),
        )
        return UnlabelledSpeech(*usable(recordings_in(recordings.recordings)), pipeline)


TASKS.add(Verification.name, Verification())
