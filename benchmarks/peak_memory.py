"""Peak memory of some work over what its process took before, on Linux.

The kernel's own counter (VmHWM) is read rather than `ru_maxrss`, which a process inherits from the
one that started it.
"""

import pathlib
from collections.abc import Callable

_STATUS = pathlib.Path("/proc/self/status")
_CLEAR = pathlib.Path("/proc/self/clear_refs")
_CLEAR_PEAK = "5"


def peak_memory(work: Callable[[], object]) -> int:
    """Bytes that the process held at the peak during `work` beyond those it held before."""
    _CLEAR.write_text(_CLEAR_PEAK)
    before = _peak()
    work()
    return _peak() - before


def _peak() -> int:
    (line,) = (x for x in _STATUS.read_text().splitlines() if x.startswith("VmHWM:"))
    return 1024 * int(line.split()[1])
