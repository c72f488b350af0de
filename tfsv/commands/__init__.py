"""The commands of `tfsv`, a file each; `tfsv.commands.main` starts them."""

from typing import TYPE_CHECKING

from tfsv.lazy import lazily

if TYPE_CHECKING:
    from tfsv.commands.flags import define, made
    from tfsv.commands.main import COMMANDS
    from tfsv.commands.running import Command

__all__ = ["COMMANDS", "Command", "define", "made"]

__getattr__ = lazily(
    __name__,
    {"COMMANDS": ".main", "Command": ".running", "define": ".flags", "made": ".flags"},
)
