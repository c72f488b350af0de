"""Single values of a YAML file, by the path of their keys.

The configurations of trainings are mappings within mappings, in blocks or in braces. The values of
these are read as text; lists, texts of several lines, anchors and tags are not.
"""

import re
from collections.abc import Iterator

_KEY = r"'[^']*'|\"[^\"]*\"|[^\s#'\"{}\[\],&*!|>%@`-][^:#{}\[\],]*?"
_LINE = re.compile(rf"(?P<indent> *)(?P<key>{_KEY})\s*:(?:\s+(?P<value>.*))?$")
_PAIR = re.compile(rf"\s*(?P<key>{_KEY})\s*:(?:\s*(?P<value>.*))?$", re.DOTALL)
_QUOTED = re.compile(r"'(?P<single>(?:[^']|'')*)'|\"(?P<double>(?:[^\"\\]|\\.)*)\"")
_NOT_PLAIN = ("&", "*", "!", "|", ">", "[", "%", "@", "`")


def read_values(text: str) -> dict[str, str | None]:
    """The values of a YAML file, by the path of their keys with dots between.

    Example:
        >>> read_values("model_args:\\n  feat_dim: 80  # mel filters\\n  pooling_func: 'TAP'\\n")
        {'model_args.feat_dim': '80', 'model_args.pooling_func': 'TAP'}

    Returns:
        Texts, without quotes and comments. None stands for a value that is not read, such as a
        list. What is no mapping has no entry.
    """
    values: dict[str, str | None] = {}
    above: list[tuple[int, str]] = []  # indents and paths of the keys that a line lies in
    lines = iter(text.splitlines())
    for line in lines:
        if line.lstrip().startswith("{") and not above:
            values |= _braces("", _to_the_end(line.lstrip(), lines))
            continue
        if not (found := _LINE.match(line)):
            continue
        indent, value = len(found["indent"]), _without_comment(found["value"] or "")
        while above and above[-1][0] >= indent:
            above.pop()
        path = f"{above[-1][1]}." if above else ""
        path += found["key"].strip().strip("'\"")
        if value.startswith("{"):
            values |= _braces(path, _to_the_end(value, lines))
        elif value:
            values[path] = _scalar(value)
        else:
            above.append((indent, path))
    return values


def _to_the_end(text: str, lines: Iterator[str]) -> str:
    """A mapping in braces, which may go on over further lines."""
    while text.count("{") > text.count("}"):
        line = next(lines, None)
        if line is None:
            break
        text += "\n" + _without_comment(line)
    return text


def _braces(path: str, text: str) -> dict[str, str | None]:
    """The values of a mapping in braces."""
    values: dict[str, str | None] = {}
    todo = [(path, text)]
    while todo:
        path, text = todo.pop()
        for part in _parts(text.strip()[1:].rpartition("}")[0]):
            if not (found := _PAIR.match(part)):
                continue
            key = ".".join(filter(None, (path, found["key"].strip().strip("'\""))))
            value = (found["value"] or "").strip()
            if value.startswith("{"):
                todo.append((key, value))
            else:
                values[key] = _scalar(value)
    return values


def _parts(text: str) -> Iterator[str]:
    """What stands between the commas of the outermost mapping."""
    depth = start = 0
    for place, letter in enumerate(text):
        depth += (letter in "{[") - (letter in "}]")
        if letter == "," and depth == 0:
            yield text[start:place]
            start = place + 1
    yield text[start:]


def _without_comment(value: str) -> str:
    value = value.strip()
    if quoted := _QUOTED.match(value):
        return quoted[0]
    return "" if value.startswith("#") else re.split(r"\s#", value, maxsplit=1)[0].rstrip()


def _scalar(value: str) -> str | None:
    if quoted := _QUOTED.fullmatch(value):
        return quoted["double"] if quoted["single"] is None else quoted["single"]
    return None if value.startswith(_NOT_PLAIN) else value
