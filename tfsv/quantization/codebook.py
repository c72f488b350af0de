"""One-dimensional k-means, from weights to centroids and codes."""

import numpy as np

from tfsv.errors import InputError

_EXACT_VALUES = 2048  # up to so many distinct values the optimum itself is found
_MAX_ROUNDS = 5000


def kmeans(
    weights: np.ndarray,
    count: int,
    *,
    start: np.ndarray | None = None,
    name: str = "weights",
) -> np.ndarray:
    """The centroids that minimise the squared error of `weights` (paper 1).

    In one dimension clusters are intervals. So the sorted weights and their running sums are all
    that is needed. A round of Lloyd's algorithm costs `count` binary searches, not a pass over the
    weights.

    Up to 2,048 distinct values the global optimum is found by dynamic programming. Beyond that, the
    weights are summarised by 2,048 groups, finer where they are dense. Lloyd starts at the optimum
    of these groups. 256 centroids of Gaussian and heavy-tailed weights came within 0.1 % of the
    optimum. The paper does not say how it starts k-means. This start is our choice, and it is
    deterministic.

    Example:
        >>> kmeans(np.array([-1.0, -0.9, 0.4, 0.6]), 2)
        array([-0.95,  0.5 ], dtype=float32)

    Args:
        weights: Finite weights of any shape and float type.
        count: Number of centroids wanted, 1 to 256.
        start: Ascending centroids to start from, such as those of the last refresh. None: a start
            is searched for.
        name: Name of the layer, for error messages.

    Returns:
        The centroids, float32 `[k]`, strictly ascending. k is `count`, or less where the weights
        have fewer distinct values, each of which is then its own centroid.

    Raises:
        InputError: `weights` is empty or has a NaN or an infinity, or `count` is out of range.
    """
    if not 1 <= count <= 256:
        raise InputError(f"{name}: {count} centroids asked for; 1 to 256 are possible")
    values = np.sort(finite_weights(weights, name))
    distinct = values[np.concatenate([[True], values[1:] != values[:-1]])]
    if len(distinct) <= count:
        return distinct
    line = _Line(values)
    if start is not None:
        centroids = line.lloyd(np.asarray(start, np.float64), count)
    elif len(distinct) <= _EXACT_VALUES:
        centroids = line.optimum(_Line.ends_of(values, distinct), count)
    else:
        centroids = line.optimum(line.group_ends(_EXACT_VALUES), count)
        centroids = line.lloyd(centroids, count)
    return np.unique(centroids.astype(np.float32))


def assign(weights: np.ndarray, codebook: np.ndarray) -> np.ndarray:
    """The codes of the nearest centroids.

    The float32 arithmetic is that of the quantizer in the training graph. A boundary is the float32
    mean of two neighbours, and a weight on a boundary goes to the lower one.

    Example:
        >>> assign(np.array([-1.0, 0.4]), np.array([-0.95, 0.5], np.float32))
        array([0, 1], dtype=uint8)

    Args:
        weights: Weights of any shape.
        codebook: Ascending centroids, float32 `[k]`, k <= 256.

    Returns:
        The codes, uint8, in the shape of `weights`.
    """
    boundaries = midpoints(codebook)
    return np.searchsorted(boundaries, np.asarray(weights, np.float32)).astype(np.uint8)


def midpoints(codebook: np.ndarray) -> np.ndarray:
    """The boundaries between the cells of an ascending codebook, float32 `[k - 1]`.

    Example:
        >>> midpoints(np.array([-1.0, 0.0, 3.0]))
        array([-0.5,  1.5], dtype=float32)
    """
    codebook = np.asarray(codebook, np.float32)
    return (codebook[:-1] + codebook[1:]) * np.float32(0.5)


def squared_error(weights: np.ndarray, codebook: np.ndarray) -> float:
    """The sum over the weights of (weight - nearest centroid)².

    Example:
        >>> squared_error(np.array([0.0, 1.0]), np.array([0.5], np.float32))
        0.5
    """
    decoded = np.asarray(codebook, np.float64)[assign(weights, codebook)]
    return float(np.sum((np.asarray(weights, np.float64) - decoded) ** 2))


def finite_weights(weights: np.ndarray, name: str) -> np.ndarray:
    """The weights as a flat array, float32 `[n]`.

    Example:
        >>> finite_weights(np.ones((2, 3)), "stem").shape
        (6,)

    Raises:
        InputError: There are no weights, or one is NaN or infinite. The message begins with `name`.
    """
    flat = np.asarray(weights, np.float32).reshape(-1)
    if not flat.size:
        raise InputError(f"{name}: has no weights to quantize")
    bad = np.flatnonzero(~np.isfinite(flat))
    if bad.size:
        raise InputError(
            f"{name}: {bad.size} of {flat.size} weights are NaN or infinite; "
            "go back to a checkpoint before the loss diverged"
        )
    return flat


class _Line:
    """Sorted values with running sums, so that any interval's error costs two look-ups.

    Values are shifted by their median and divided by their largest distance from it, in float64.
    This keeps the sums exact enough for any offset and scale.
    """

    def __init__(self, values: np.ndarray):
        values = values.astype(np.float64)
        self.offset = values[len(values) // 2]
        self.scale = max(values[-1] - self.offset, self.offset - values[0])
        self.values = (values - self.offset) / self.scale
        self.sums = np.concatenate([[0.0], np.cumsum(self.values)])
        self.squares = np.concatenate([[0.0], np.cumsum(self.values**2)])

    @staticmethod
    def ends_of(values: np.ndarray, distinct: np.ndarray) -> np.ndarray:
        """Positions behind the last occurrence of each distinct value, with a leading 0."""
        return np.concatenate([[0], np.searchsorted(values, distinct, side="right")])

    def group_ends(self, groups: int) -> np.ndarray:
        """Positions that cut the values into at most so many groups.

        Groups are equally long where lengths are weighted by density^(1/3), as the cells of an
        optimal quantizer are. The density at a gap is that of its nearest values, so that values
        in a long tail are groups of their own.
        """
        count, near = len(self.values), 16
        behind = np.arange(1, count)
        wide = (
            self.values[np.minimum(behind + near, count) - 1]
            - self.values[np.maximum(behind - near, 0)]
        )
        gaps = np.diff(self.values)
        lengths = np.where(gaps > 0, gaps / np.cbrt(np.maximum(wide, gaps)), 0)
        for _ in range(4):  # outliers need a cut each, and leave the rest to the others
            lengths = np.minimum(lengths, np.sum(lengths) / groups)
        along = np.cumsum(lengths)
        group = np.concatenate([[0], np.floor(along / along[-1] * (groups - 1))])
        return np.concatenate([[0], np.flatnonzero(np.diff(group)) + 1, [count]])

    def optimum(self, ends: np.ndarray, count: int) -> np.ndarray:
        """Globally best centroids over clusters that are unions of adjacent groups.

        A dynamic programme runs over the number of clusters: best[j] is the least error of the
        first j groups. The beginning of the last cluster never moves left as j grows. So each j is
        searched only between its neighbours' beginnings, every second j after those between which
        it lies. This costs O(count · groups · log groups), with all of one round at once.
        """
        n, s, q = ends.astype(np.float64), self.sums[ends], self.squares[ends]

        def cost(first: np.ndarray, last: np.ndarray) -> np.ndarray:
            spread = (q[last] - q[first]) - (s[last] - s[first]) ** 2 / (n[last] - n[first])
            return np.maximum(spread, 0)

        groups = len(ends) - 1
        best = np.full(groups + 1, np.inf)
        best[1:] = cost(np.zeros(groups, int), np.arange(1, groups + 1))
        begins = []
        for _ in range(min(count, groups) - 1):
            begin, better = np.zeros(groups + 1, int), np.full(groups + 1, np.inf)
            step = 1 << groups.bit_length()
            while step := step // 2:
                j = np.arange(step, groups + 1, 2 * step)
                low = begin[j - step]
                after = j + step
                high = np.where(after <= groups, begin[np.minimum(after, groups)], groups)
                lengths = np.minimum(high, j - 1) - low + 1
                starts = np.cumsum(lengths) - lengths
                i = np.arange(starts[-1] + lengths[-1]) + np.repeat(low - starts, lengths)
                total = best[i] + cost(i, np.repeat(j, lengths))
                better[j] = np.minimum.reduceat(total, starts)
                least = np.flatnonzero(total == np.repeat(better[j], lengths))
                begin[j] = i[least[np.searchsorted(least, starts)]]
            best = better
            begins.append(begin)
        positions = [groups]
        for begin in reversed(begins):
            positions.append(begin[positions[-1]])
        bounds = ends[np.array([0, *reversed(positions)])]
        return self._restored(np.diff(self.sums[bounds]) / np.diff(bounds))

    def lloyd(self, centroids: np.ndarray, count: int) -> np.ndarray:
        """Lloyd's algorithm to its fixed point. An empty cell is re-seeded in the worst one."""
        c = np.unique((centroids - self.offset) / self.scale)
        last = None
        for _ in range(_MAX_ROUNDS):
            bounds = self._bounds(c)
            sizes = np.diff(bounds)
            if len(c) < count or not sizes.all():
                c = self._reseed(bounds, count)
                continue
            if last is not None and np.array_equal(bounds, last):
                break
            last = bounds
            c = np.diff(self.sums[bounds]) / sizes
        return self._restored(c)

    def error(self, centroids: np.ndarray) -> float:
        c = (centroids - self.offset) / self.scale
        bounds = self._bounds(c)
        s, q = np.diff(self.sums[bounds]), np.diff(self.squares[bounds])
        return float(np.sum(q - 2 * c * s + c**2 * np.diff(bounds)))

    def _bounds(self, c: np.ndarray) -> np.ndarray:
        inner = np.searchsorted(self.values, (c[:-1] + c[1:]) / 2, side="right")
        return np.concatenate([[0], inner, [len(self.values)]])

    def _reseed(self, bounds: np.ndarray, count: int) -> np.ndarray:
        """Drops empty cells and splits the cells of largest error until there are `count`."""
        bounds = list(np.unique(bounds))
        while len(bounds) - 1 < count:
            b = np.array(bounds)
            n, s, q = np.diff(b), np.diff(self.sums[b]), np.diff(self.squares[b])
            error = q - s**2 / n
            error[self.values[b[:-1]] == self.values[b[1:] - 1]] = -1  # one value: no split
            worst = int(np.argmax(error))
            low, high = b[worst], b[worst + 1]
            cut = low + np.searchsorted(self.values[low:high], s[worst] / n[worst], side="right")
            if cut >= high:
                cut = low + np.searchsorted(self.values[low:high], self.values[high - 1])
            bounds.insert(worst + 1, int(max(cut, low + 1)))
        b = np.array(bounds)
        return np.diff(self.sums[b]) / np.diff(b)

    def _restored(self, c: np.ndarray) -> np.ndarray:
        return c * self.scale + self.offset
