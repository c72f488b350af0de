"""Golden files, with which other implementations compare themselves."""

from typing import TYPE_CHECKING

from tfsv.lazy import lazily

if TYPE_CHECKING:
    from tfsv.goldens.checking import GoldenComparison, check_goldens
    from tfsv.goldens.separator_writing import GOLDEN_SEPARATORS
    from tfsv.goldens.writing import GOLDEN_MODELS, GoldenModel, write_goldens

__all__ = [
    "GOLDEN_MODELS",
    "GOLDEN_SEPARATORS",
    "GoldenComparison",
    "GoldenModel",
    "check_goldens",
    "write_goldens",
]

__getattr__ = lazily(
    __name__,
    {
        "GOLDEN_MODELS": ".writing",
        "GOLDEN_SEPARATORS": ".separator_writing",
        "GoldenComparison": ".checking",
        "GoldenModel": ".writing",
        "check_goldens": ".checking",
        "write_goldens": ".writing",
    },
)
