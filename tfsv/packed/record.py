"""What a packed model says of itself: which tensors hold codes, and which they become.

The metadata entry `tfsv.packed`, little-endian:

    header: "TFSV", u16 version, u16 groups, u16 decoding operators, u16 first spare buffer,
            u32 bytes of the expanded model
    group:  u8 bits, u8 layers, u16 codebook tensor, u16 scale tensor, u16 codes tensor of each
            plane, then for each layer: u16 kernel tensor, f32 quantization error

A tensor number of 0xffff says that there is none. The decoding operators are the first ones of
the graph. Layer i of all groups, counted in the order of the record, gets spare buffer
`first spare buffer + i` when it is expanded.
"""

import dataclasses
import struct

from tfsv.packed.bits import PLANES

RECORD_ENTRY = "tfsv.packed"
"""Name of the metadata entry."""

VERSION = 1
_MAGIC = b"TFSV"
_NONE = 0xFFFF
_HEADER = struct.Struct("<4sHHHHI")
_GROUP = struct.Struct("<BBHH")
_PLANE = struct.Struct("<H")
_LAYER = struct.Struct("<Hf")


@dataclasses.dataclass(frozen=True)
class Group:
    """Layers of one shape and width, whose codes lie in the same tensors, a row for each.

    Example:
        >>> for group in expand.packed_record(content).groups:
        ...     print(group.bits, len(group.kernels))

    Attributes:
        bits: Width of a code, 1 to 8.
        codebook: Tensor of the codebooks, int8 or float32 `[layers, 2^bits]`.
        scale: Tensor of the factors on each channel, `[layers, channels, 1]` or, for depthwise
            layers, `[layers, 1, channels]`. None: no factors.
        codes: Tensors of the planes, uint8 `[layers, bytes]`, one for each of
            `tfsv.packed.bits.PLANES[bits]`.
        kernels: Tensors that the convolutions and dense layers read, one for each layer.
        errors: Relative squared quantization error of each layer; NaN where it is not known.
    """

    bits: int
    codebook: int
    scale: int | None
    codes: tuple[int, ...]
    kernels: tuple[int, ...]
    errors: tuple[float, ...]


@dataclasses.dataclass(frozen=True)
class Record:
    """The whole entry.

    Example:
        >>> record = expand.packed_record(content)
        >>> Record.from_bytes(record.to_bytes()) == record
        True

    Attributes:
        groups: All groups, in the order in which their kernels are expanded.
        decoding: Number of decoding operators.
        spare: First of the buffers that expanded kernels get.
        expanded: Bytes of the expanded model.
    """

    groups: tuple[Group, ...]
    decoding: int
    spare: int
    expanded: int

    def to_bytes(self) -> bytes:
        """The metadata entry's content."""
        parts = [
            _HEADER.pack(
                _MAGIC, VERSION, len(self.groups), self.decoding, self.spare, self.expanded
            )
        ]
        for group in self.groups:
            scale = _NONE if group.scale is None else group.scale
            parts.append(_GROUP.pack(group.bits, len(group.kernels), group.codebook, scale))
            parts += [_PLANE.pack(tensor) for tensor in group.codes]
            layers = zip(group.kernels, group.errors, strict=True)
            parts += [_LAYER.pack(kernel, error) for kernel, error in layers]
        return b"".join(parts)

    @classmethod
    def from_bytes(cls, content: bytes) -> "Record":
        """Reads what `to_bytes` wrote.

        Raises:
            ValueError: The content is no such record, or has a later version.
        """
        reader = _Reader(content)
        magic, version, count, decoding, spare, expanded = reader.take(_HEADER)
        if magic != _MAGIC:
            raise ValueError("damaged record of packed layers")
        if version != VERSION:
            raise ValueError(f"packed in format {version}; this tfsv reads format {VERSION}")
        groups = []
        for _ in range(count):
            bits, layers, codebook, scale = reader.take(_GROUP)
            if bits not in PLANES or not layers:
                raise ValueError(f"a packed group of {layers} layers of {bits} bits")
            codes = tuple(reader.take(_PLANE)[0] for _ in PLANES[bits])
            rows = [reader.take(_LAYER) for _ in range(layers)]
            kernels, errors = zip(*rows, strict=True)
            groups.append(
                Group(bits, codebook, None if scale == _NONE else scale, codes, kernels, errors)
            )
        if reader.rest:
            raise ValueError("damaged record of packed layers")
        return cls(tuple(groups), decoding, spare, expanded)


class _Reader:
    def __init__(self, content: bytes):
        self._content, self._position = content, 0

    def take(self, form: struct.Struct) -> tuple:
        if self.rest < form.size:
            raise ValueError("damaged record of packed layers")
        self._position += form.size
        return form.unpack_from(self._content, self._position - form.size)

    @property
    def rest(self) -> int:
        return len(self._content) - self._position
