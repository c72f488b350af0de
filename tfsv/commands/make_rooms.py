"""Makes a bank of room responses, which mixtures for a separator are made of.

    tfsv make-rooms --output=banks/train --rooms=300 --jobs=2
    tfsv make-rooms --output=banks/test --rooms=60 --seed=1

Rooms are boxes with a line of microphones and places of talkers, simulated with image sources. The
line has 15 microphones unless --array describes another one, and separators that are trained in its
rooms hear with that one.
300 rooms of up to 0.7 s take about 15 minutes of a core. A bank for measuring needs a seed of its
own. A killed command goes on when it is run again; so does one whose files were damaged.
"""

from typing import Any

import numpy as np
from absl import flags

from tfsv.commands.flags import define, made
from tfsv.commands.running import Command
from tfsv.separation.room_settings import RoomSettings


def _define(values: flags.FlagValues) -> None:
    flags.DEFINE_string("output", None, "Folder of the bank.", required=True, flag_values=values)
    flags.DEFINE_string(
        "array", None,
        'File that describes the line of microphones, such as {"positions": [0, 0.03, 0.08]} in '
        "metres. Default: 15 microphones of 56 cm.",
        flag_values=values,
    )  # fmt: skip
    flags.DEFINE_integer("jobs", 1, "Processes to use.", 1, flag_values=values)
    define(values, RoomSettings)


def main(values: Any, arguments: list[str]) -> None:
    """Makes the bank that the flags describe."""
    settings = made(values, RoomSettings)

    from tfsv.separation.array_descriptions import read_array
    from tfsv.separation.microphones import LINE_OF_15
    from tfsv.separation.response_bank import make_bank

    array = LINE_OF_15 if values.array is None else read_array(values.array)
    bank = make_bank(values.output, settings, jobs=values.jobs, array=array)
    reached = np.array([room.reached for room in bank.rooms])
    asked = np.array([room.room.t60 for room in bank.rooms])
    print(
        f"{values.output}: {len(bank.rooms)} rooms of {settings.sources} places and "
        f"{array.microphones} microphones; they ring for "
        f"{reached.min():.2f} to {reached.max():.2f} s, asked for were {asked.min():.2f} to "
        f"{asked.max():.2f} s"
    )


command = Command("make-rooms", __doc__, _define, main, resumes=True)
