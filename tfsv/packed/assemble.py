"""The finished file from an edited model: card, packed layers, checksum."""

import dataclasses

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfsv.card import ModelCard
from tfsv.packed import expand, flatbuffer, record, seal
from tfsv.packed.cohort import COHORT_ENTRY, cohort_bytes

CARD_ENTRY = "tfsv.card"
"""Name of the metadata entry that holds the model card."""


def assemble(
    model: schema.ModelT,
    card: ModelCard,
    packed: record.Record | None,
    cohort: np.ndarray | None = None,
) -> bytes:
    """Writes the file.

    Example:
        >>> content = assemble(model, card, None)
        >>> seal.check(content)

    Args:
        model: The edited model; it may be assembled again with another card.
        card: The model card that goes into the file.
        packed: The record of the packed layers, which `write_packed` returned; None for a plain
            file.
        cohort: Vectors that outputs are compared with, int8 `[vectors, values]`. None: the file
            gets none.

    Returns:
        A sealed TFLite file.
    """
    flatbuffer.set_metadata(model, CARD_ENTRY, card.to_json(compact=True).encode())
    if cohort is None:
        flatbuffer.drop_metadata(model, COHORT_ENTRY)
    else:
        flatbuffer.set_metadata(model, COHORT_ENTRY, cohort_bytes(cohort))
    flatbuffer.set_metadata(model, seal.SEAL_ENTRY, seal.BLANK)
    content = flatbuffer.serialise(model) if packed is None else _packed(model, packed)
    return seal.seal(content)


def _packed(model: schema.ModelT, packed: record.Record) -> bytes:
    """Codes at the end of the file, and before them the places that expansion will patch."""
    flatbuffer.set_metadata(model, record.RECORD_ENTRY, packed.to_bytes())
    tensors, buffers = model.subgraphs[0].tensors, len(model.buffers)
    kernels = [tensors[index] for group in packed.groups for index in group.kernels]
    codes = [tensors[index].buffer for group in packed.groups for index in group.codes]
    spares = range(buffers, buffers + len(kernels))
    for kernel, spare in zip(kernels, spares, strict=True):
        kernel.buffer = spare  # a number that is not the default, so that it gets a place
        model.buffers.append(schema.BufferT())
    try:
        content = bytearray(flatbuffer.serialise(model, last=codes, empty=spares))
    finally:
        del model.buffers[buffers:]
        for kernel in kernels:
            kernel.buffer = 0
    expand.finish(content, dataclasses.replace(packed, spare=buffers))
    return bytes(content)
