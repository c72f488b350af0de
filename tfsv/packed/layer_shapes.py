"""Rules of `tfsv.packed.output_shapes` for layers with windows, kernels or states."""

import math

from tfsv.packed.operands import BROADCAST_RANK, ForeignGraphError, Operands, Shape, check_rank


def convolution(given: Operands, options: tuple) -> list[Shape]:
    """A convolution, perhaps of groups.

    Example:
        >>> convolution(Operands([(1, 9, 9, 4), (8, 3, 3, 4)], values), (0, 2, 2, 0, 1, 1, 0))
        [(1, 5, 5, 8)]
    """
    image, kernel, bias = _layer(given)
    padding, stride_w, stride_h, _, dilation_w, dilation_h, _ = options
    check_rank(image, 4, 4)
    check_rank(kernel, 4, 4)
    channels, rows, columns, depth = kernel
    groups = image[3] // depth
    if image[3] % depth or channels % groups or bias not in (None, (channels,)):
        raise ForeignGraphError("a kernel that does not fit")
    height = _window(image[1], rows, stride_h, dilation_h, padding)
    width = _window(image[2], columns, stride_w, dilation_w, padding)
    pixels = image[0] * height * width
    given.work = pixels * math.prod(kernel)
    if rows * columns > 1 or stride_w * stride_h > 1:
        given.scratch = 4 * pixels * rows * columns * image[3]
    return [(image[0], height, width, channels)]


def depthwise(given: Operands, options: tuple) -> list[Shape]:
    """A convolution of each channel by itself.

    Example:
        >>> depthwise(Operands([(1, 9, 9, 4), (1, 3, 3, 4)], values), (0, 1, 1, 1, 0, 1, 1))
        [(1, 9, 9, 4)]
    """
    image, kernel, bias = _layer(given)
    padding, stride_w, stride_h, multiplier, _, dilation_w, dilation_h = options
    check_rank(image, 4, 4)
    check_rank(kernel, 4, 4)
    one, rows, columns, channels = kernel
    if one != 1 or channels != image[3] * multiplier or bias not in (None, (channels,)):
        raise ForeignGraphError("a kernel that does not fit")
    height = _window(image[1], rows, stride_h, dilation_h, padding)
    width = _window(image[2], columns, stride_w, dilation_w, padding)
    given.work = image[0] * height * width * math.prod(kernel)
    return [(image[0], height, width, channels)]


def dense(given: Operands, options: tuple) -> list[Shape]:
    """A dense layer.

    Example:
        >>> dense(Operands([(3, 4), (8, 4)], values), (0, 0, 0, 0, 0))
        [(3, 8)]
    """
    values, kernel, bias = _layer(given)
    check_rank(values, 1, BROADCAST_RANK)
    check_rank(kernel, 2, 2)
    if values[-1] != kernel[1] or bias not in (None, (kernel[0],)):
        raise ForeignGraphError("a kernel that does not fit")
    rows = math.prod(values[:-1])
    given.work = rows * math.prod(kernel)
    return [(*values[:-1], kernel[0]) if options[2] else (rows, kernel[0])]


def matrices(given: Operands, options: tuple) -> list[Shape]:
    """Products of matrices, each of which may be transposed first.

    Example:
        >>> matrices(Operands([(1, 3, 98), (1, 98, 512)], values), (0, 0, 0))
        [(1, 3, 512)]
    """
    first, second = given.shapes
    check_rank(first, 2, BROADCAST_RANK)
    check_rank(second, len(first), len(first))
    rows, inner = reversed(first[-2:]) if options[0] else first[-2:]
    other, columns = reversed(second[-2:]) if options[1] else second[-2:]
    if inner != other or first[:-2] != second[:-2]:
        raise ForeignGraphError("matrices that do not fit each other")
    given.work = math.prod(first) * columns
    given.scratch = 4 * (math.prod(first) + math.prod(second))
    return [(*first[:-2], rows, columns)]


def _layer(given: Operands) -> tuple[Shape, Shape, Shape | None]:
    image, kernel, *rest = given.shapes
    return image, kernel, rest[0] if rest else None


def pool(given: Operands, options: tuple) -> list[Shape]:
    """A pooling over windows.

    Example:
        >>> pool(Operands([(1, 8, 8, 4)], values), (1, 2, 2, 2, 2, 0))
        [(1, 4, 4, 4)]
    """
    image = given.shapes[0]
    padding, stride_w, stride_h, columns, rows, _ = options
    check_rank(image, 4, 4)
    height = _window(image[1], rows, stride_h, 1, padding)
    width = _window(image[2], columns, stride_w, 1, padding)
    given.work = image[0] * height * width * image[3] * rows * columns
    return [(image[0], height, width, image[3])]


def _window(size: int, kernel: int, stride: int, dilation: int, padding: int) -> int:
    """Positions of a window along an axis."""
    if not padding:  # "same"
        return -(-size // stride)
    rest = size - (kernel - 1) * dilation - 1
    if rest < 0:
        raise ForeignGraphError("a window larger than its image")
    return rest // stride + 1


def lstm(given: Operands, options: tuple) -> list[Shape]:
    """A sequence LSTM without peepholes, projection and normalisation; states at places 18, 19.

    Example:
        >>> lstm(Operands(shapes, values), (4, 10.0, 0.0, 0, 0, 0))
        [(1, 160, 256)]
    """
    sequence = given.shapes[0]
    check_rank(sequence, 3, 3)
    batch, steps, size = sequence
    units = given.shapes[1][0] if given.shapes[1] else 0
    wanted = [(units, size)] * 4 + [(units, units)] * 4
    found = [*given.shapes[1:9], *given.shapes[12:16], *given.shapes[18:20]]
    if found != [*wanted, *[(units,)] * 4, *[(batch, units)] * 2]:
        raise ForeignGraphError("weights that do not fit")
    given.work = batch * steps * 4 * units * (size + units)
    given.scratch = 4 * batch * 8 * units
    return [(batch, steps, units)]
