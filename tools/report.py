"""Tabulates what tools/train.py measured in several run folders, such as one for each seed.

python tools/report.py --runs=runs/real/seed0,runs/real/seed1 --output=docs/results/real.md
"""

import json
import pathlib

from absl import flags
from tfsv.verification.seeds import seed_table

from tfsv import command
from tfsv.errors import InputError
from tfsv.files import replacing

_RUNS = flags.DEFINE_list("runs", None, "Run folders, separated by commas.")
_OUTPUT = flags.DEFINE_string("output", None, "Also write the table to this Markdown file.")
flags.mark_flag_as_required("runs")


def main(arguments: list[str]) -> None:
    """Reads the runs' records and prints the table."""
    if arguments:
        raise InputError(f"unexpected argument {arguments[0]!r}; see --help")
    names = [pathlib.Path(run).name for run in _RUNS.value]
    if len(set(names)) < len(names):
        raise InputError(f"--runs={','.join(_RUNS.value)}: two folders have the same name")
    table = seed_table(dict(zip(names, map(_records, _RUNS.value), strict=True)))
    print(table)
    if _OUTPUT.value:
        with replacing(_OUTPUT.value) as part:
            part.write_text(table + "\n", encoding="utf-8")


def _records(run: str) -> dict[str, dict]:
    files = sorted(pathlib.Path(run).glob("*/results.json"), key=lambda f: f.stat().st_mtime)
    if not files:
        raise InputError(f"{run}: no results.json in it; run tools/train.py to its end")
    records = {}
    for file in files:
        try:
            record = json.loads(file.read_text(encoding="utf-8"))
        except ValueError as error:
            raise InputError(f"{file}: not JSON; delete it and run tools/train.py again") from error
        if "bytes" in record:
            records[file.parent.name] = record
    return records


if __name__ == "__main__":
    command.run(main)
