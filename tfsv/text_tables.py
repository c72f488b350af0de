"""Rows of texts as tables, for a terminal or in Markdown."""

from collections.abc import Collection, Iterable, Sequence


def aligned(rows: Iterable[Sequence[str]], left: Collection[int] = (0,)) -> str:
    """Rows as lines with columns of one width, two blanks between them.

    Example:
        >>> print(aligned([("layer", "bits"), ("stem", "4")]))
        layer  bits
        stem      4

    Args:
        rows: At least one row of texts. All rows have the same number of texts.
        left: Numbers of the columns whose texts start at the left. The others end at the right.
    """
    rows = list(rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [
            text.ljust(width) if number in left else text.rjust(width)
            for number, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def markdown(rows: Sequence[Sequence[str]], left: Collection[int] = (0,)) -> str:
    """Rows as a Markdown table, the first one its heading.

    Example:
        >>> print(markdown([("layer", "bits"), ("stem", "4")]))
        | layer | bits |
        | --- | ---: |
        | stem | 4 |

    Args:
        rows: At least one row of texts. All rows have the same number of texts.
        left: Numbers of the columns whose texts start at the left. The others end at the right.
    """
    rules = ["---" if number in left else "---:" for number in range(len(rows[0]))]
    return "\n".join("| " + " | ".join(row) + " |" for row in (rows[0], rules, *rows[1:]))
