"""The shapes of what an operator gives, from the shapes of what it takes and its options.

Each rule refuses what its operator cannot compute: windows without pixels, axes beyond the rank,
strides of zero, indices outside, channels that do not fit the kernel. `RULES` has them by the names
that `tfsv.packed.operator_table` uses. The app has the same rules in `OutputShapes.kt`.
"""

import math
from collections.abc import Callable

from tfsv.packed import layer_shapes
from tfsv.packed.operands import (
    BROADCAST_RANK,
    HIGHEST_RANK,
    LARGEST_SIDE,
    ForeignGraphError,
    Operands,
    Shape,
    check_rank,
    checked_axis,
)

Rule = Callable[[Operands, tuple], list[Shape]]

_LARGEST_FFT = 1 << 16


def _same(given: Operands, options: tuple) -> list[Shape]:
    return [given.shapes[0]]


def _last(given: Operands, options: tuple) -> list[Shape]:
    check_rank(given.shapes[0], 1, BROADCAST_RANK)
    return [given.shapes[0]]


def _broadcast(given: Operands, options: tuple) -> list[Shape]:
    first, second, *rest = given.shapes
    if first != second or rest or len(first) > BROADCAST_RANK:
        first = _broadcast_two(first, second)
        for more in rest:
            first = _broadcast_two(first, more)
    return [first]


def _broadcast_two(first: Shape, second: Shape) -> Shape:
    rank = max(len(first), len(second))
    check_rank((0,) * rank, 0, BROADCAST_RANK)
    sides = []
    for a, b in zip(
        (1,) * (rank - len(first)) + first, (1,) * (rank - len(second)) + second, strict=True
    ):
        if a != b and 1 not in (a, b):
            raise ForeignGraphError("shapes that do not fit each other")
        sides.append(a if b == 1 else b)
    return tuple(sides)


def _concatenation(given: Operands, options: tuple) -> list[Shape]:
    first = given.shapes[0]
    check_rank(first, 1, BROADCAST_RANK)
    axis = checked_axis(options[0], len(first))
    for shape in given.shapes[1:]:
        if len(shape) != len(first) or any(
            a != b for i, (a, b) in enumerate(zip(shape, first, strict=True)) if i != axis
        ):
            raise ForeignGraphError("shapes that do not fit each other")
    total = sum(shape[axis] for shape in given.shapes)
    return [(*first[:axis], total, *first[axis + 1 :])]


def _reshape(given: Operands, options: tuple) -> list[Shape]:
    check_rank(given.shapes[1], 1, 1)
    wanted, count = given.known(1), math.prod(given.shapes[0])
    rest = math.prod(side for side in wanted if side != -1)
    if wanted.count(-1) > 1 or len(wanted) > HIGHEST_RANK or min(wanted, default=1) < -1:
        raise ForeignGraphError("an impossible shape")
    if -1 in wanted:
        if not rest or count % rest:
            raise ForeignGraphError("a shape of another size")
        wanted = tuple(count // rest if side == -1 else side for side in wanted)
    elif rest != count:
        raise ForeignGraphError("a shape of another size")
    return [wanted]


def _pad(given: Operands, options: tuple) -> list[Shape]:
    image = given.shapes[0]
    check_rank(image, 1, BROADCAST_RANK)
    if given.shapes[1] != (len(image), 2) or (len(given.shapes) > 2 and given.shapes[2] != ()):
        raise ForeignGraphError("margins of another rank")
    margins = given.known(1)
    if not all(0 <= margin < LARGEST_SIDE for margin in margins):
        raise ForeignGraphError("margins out of range")
    return [
        tuple(
            side + before + after
            for side, before, after in zip(image, margins[::2], margins[1::2], strict=True)
        )
    ]


def _gather(given: Operands, options: tuple) -> list[Shape]:
    table, index = given.shapes
    check_rank(table, 1, HIGHEST_RANK)
    axis, batch = (checked_axis(options[0], len(table)), options[1]) if options else (0, 0)
    if not batch <= axis or batch > len(index) or table[:batch] != index[:batch]:
        raise ForeignGraphError("indices that do not fit their table")
    values = given.values(1)
    if values is not None and values and not 0 <= min(values) <= max(values) < table[axis]:
        raise ForeignGraphError("indices outside of their table")
    return [(*table[:axis], *index[batch:], *table[axis + 1 :])]


def _transpose(given: Operands, options: tuple) -> list[Shape]:
    image, order = given.shapes[0], given.known(1)
    check_rank(image, 1, HIGHEST_RANK)
    if given.shapes[1] != (len(image),) or sorted(order) != list(range(len(image))):
        raise ForeignGraphError("an order that is none")
    return [tuple(image[axis] for axis in order)]


def _reduce(given: Operands, options: tuple) -> list[Shape]:
    image = given.shapes[0]
    check_rank(image, 1, BROADCAST_RANK)
    check_rank(given.shapes[1], 0, 1)
    axes = {checked_axis(axis, len(image)) for axis in given.known(1)}
    if len(axes) < len(given.known(1)):
        raise ForeignGraphError("axes that repeat")
    if options[0]:
        return [tuple(1 if i in axes else side for i, side in enumerate(image))]
    return [tuple(side for i, side in enumerate(image) if i not in axes)]


def _squeeze(given: Operands, options: tuple) -> list[Shape]:
    image, dropped = given.shapes[0], options[0]
    axes = {checked_axis(axis, len(image)) for axis in dropped}
    if not axes or any(image[axis] != 1 for axis in axes):
        raise ForeignGraphError("axes to drop that are not there")
    return [tuple(side for i, side in enumerate(image) if i not in axes)]


def _strided(given: Operands, options: tuple) -> list[Shape]:
    image = given.shapes[0]
    check_rank(image, 1, HIGHEST_RANK)
    if any(shape != (len(image),) for shape in given.shapes[1:]):
        raise ForeignGraphError("bounds of another rank")
    begins, ends, strides = (given.known(place) for place in (1, 2, 3))
    begin_mask, end_mask, _, _, shrink_mask, _ = options
    found = []
    for axis, side in enumerate(image):
        stride, bit = strides[axis], 1 << axis
        if not 1 <= stride < LARGEST_SIDE:
            raise ForeignGraphError("steps out of range")
        begin = 0 if begin_mask & bit else _clipped(begins[axis], side)
        if shrink_mask & bit:
            index = 0 if begin_mask & bit else begins[axis]
            if not -side <= index < side or stride != 1:
                raise ForeignGraphError("indices outside of their table")
            continue
        end = side if end_mask & bit else _clipped(ends[axis], side)
        found.append(-(-(end - begin) // stride))
    return [tuple(found)]


def _clipped(place: int, side: int) -> int:
    """A place along an axis, counted from its end where it is negative."""
    return min(max(place + side if place < 0 else place, 0), side)


def _slice(given: Operands, options: tuple) -> list[Shape]:
    image, (begins, sizes) = given.shapes[0], (given.known(1), given.known(2))
    check_rank(image, 1, HIGHEST_RANK)
    if given.shapes[1] != (len(image),) or given.shapes[2] != (len(image),):
        raise ForeignGraphError("bounds of another rank")
    found = []
    for side, begin, size in zip(image, begins, sizes, strict=True):
        kept = side - begin if size == -1 else size
        if not 0 <= begin < side or not 1 <= kept <= side - begin:
            raise ForeignGraphError("bounds outside of their table")
        found.append(kept)
    return [tuple(found)]


def _split(given: Operands, options: tuple) -> list[Shape]:
    axis, image = given.known(0), given.shapes[1]
    check_rank(image, 1, BROADCAST_RANK)
    if len(axis) != 1 or given.outputs != options[0]:
        raise ForeignGraphError("parts that do not fit")
    return _parts(image, checked_axis(axis[0], len(image)), options[0])


def _parts(image: Shape, axis: int, parts: int) -> list[Shape]:
    if image[axis] % parts:
        raise ForeignGraphError("parts that do not fit")
    return [(*image[:axis], image[axis] // parts, *image[axis + 1 :])] * parts


def _pack(given: Operands, options: tuple) -> list[Shape]:
    first, (parts, place) = given.shapes[0], options
    check_rank(first, 0, BROADCAST_RANK - 1)
    if parts != len(given.shapes) or any(shape != first for shape in given.shapes):
        raise ForeignGraphError("parts that do not fit")
    axis = checked_axis(place, len(first) + 1)
    return [(*first[:axis], parts, *first[axis:])]


def _unpack(given: Operands, options: tuple) -> list[Shape]:
    image, (parts, axis) = given.shapes[0], options
    check_rank(image, 1, HIGHEST_RANK)
    if len(given.shapes) != 1 or not given.outputs == parts == image[axis]:
        raise ForeignGraphError("parts that do not fit")
    return [image[1:]] * parts


def _tile(given: Operands, options: tuple) -> list[Shape]:
    image, times = given.shapes[0], given.known(1)
    check_rank(image, 1, BROADCAST_RANK)
    if given.shapes[1] != (len(image),) or not all(0 < n < LARGEST_SIDE for n in times):
        raise ForeignGraphError("repetitions out of range")
    return [tuple(side * n for side, n in zip(image, times, strict=True))]


def _broadcast_to(given: Operands, options: tuple) -> list[Shape]:
    wanted = given.known(1)
    check_rank(given.shapes[1], 1, 1)
    if not all(0 < side < LARGEST_SIDE for side in wanted):
        raise ForeignGraphError("an impossible shape")
    if _broadcast_two(given.shapes[0], wanted) != wanted:
        raise ForeignGraphError("shapes that do not fit each other")
    return [wanted]


def _expand(given: Operands, options: tuple) -> list[Shape]:
    image, axis = given.shapes[0], given.known(1)
    if len(axis) != 1:
        raise ForeignGraphError("an axis that is none")
    place = checked_axis(axis[0], len(image) + 1)
    return [(*image[:place], 1, *image[place:])]


def _shape(given: Operands, options: tuple) -> list[Shape]:
    return [(len(given.shapes[0]),)]


def _fill(given: Operands, options: tuple) -> list[Shape]:
    check_rank(given.shapes[0], 1, 1)
    check_rank(given.shapes[1], 0, 0)
    wanted = given.known(0)
    if not all(0 < side < LARGEST_SIDE for side in wanted):
        raise ForeignGraphError("an impossible shape")
    return [wanted]


def _range(given: Operands, options: tuple) -> list[Shape]:
    if any(shape != () for shape in given.shapes):
        raise ForeignGraphError("bounds of another rank")
    (start,), (limit,), (step,) = (given.known(place) for place in range(3))
    if not 1 <= step < LARGEST_SIDE:
        raise ForeignGraphError("steps out of range")
    return [(-(-(limit - start) // step),)]


def _cumsum(given: Operands, options: tuple) -> list[Shape]:
    image, axis = given.shapes[0], given.known(1)
    check_rank(image, 1, BROADCAST_RANK)
    check_rank(given.shapes[1], 0, 0)
    checked_axis(axis[0], len(image))
    return [image]


def _rfft(given: Operands, options: tuple) -> list[Shape]:
    image, lengths = given.shapes[0], given.known(1)
    check_rank(image, 2, BROADCAST_RANK)
    if given.shapes[1] != (2,) or image[-2:] != lengths:
        raise ForeignGraphError("lengths that do not fit")
    if any(not 0 < length <= _LARGEST_FFT or length & (length - 1) for length in lengths):
        raise ForeignGraphError("lengths out of range")
    given.scratch = 16 * math.prod(lengths)
    return [(*image[:-1], lengths[1] // 2 + 1)]


RULES: dict[str, Rule] = {
    "convolution": layer_shapes.convolution,
    "depthwise": layer_shapes.depthwise,
    "dense": layer_shapes.dense,
    "pool": layer_shapes.pool,
    "matrices": layer_shapes.matrices,
    "lstm": layer_shapes.lstm,
    "same": _same,
    "last": _last,
    "broadcast": _broadcast,
    "concatenation": _concatenation,
    "reshape": _reshape,
    "pad": _pad,
    "gather": _gather,
    "transpose": _transpose,
    "reduce": _reduce,
    "squeeze": _squeeze,
    "strided": _strided,
    "slice": _slice,
    "split": _split,
    "pack": _pack,
    "unpack": _unpack,
    "tile": _tile,
    "broadcast_to": _broadcast_to,
    "expand": _expand,
    "shape": _shape,
    "fill": _fill,
    "range": _range,
    "cumsum": _cumsum,
    "rfft": _rfft,
}
"""Rules by name."""
