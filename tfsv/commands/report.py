"""Tabulates what `tfsv train` measured in several run folders, such as one for each seed.

tfsv report --runs=runs/real/seed0,runs/real/seed1 --output=docs/results/real.md
"""

from typing import Any

from absl import flags

from tfsv.commands.running import Command


def _define(values: flags.FlagValues) -> None:
    flags.DEFINE_list(
        "runs", None, "Run folders, separated by commas.", required=True, flag_values=values
    )
    flags.DEFINE_string(
        "output", None, "Also write the table to this Markdown file.", flag_values=values
    )


def main(values: Any, arguments: list[str]) -> None:
    """Reads the runs' reports and prints the table."""
    from tfsv.files import write_text
    from tfsv.study.seeds import read_runs, seed_table

    table = seed_table(read_runs(values.runs))
    print(table)
    if values.output:
        write_text(values.output, table + "\n")


command = Command("report", __doc__, _define, main)
