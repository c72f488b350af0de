"""The packed format: codes in a TFLite file, record, expansion, checksum. No TensorFlow.

Each module is one idea and is used by its name.

Example:
    >>> from tfsv.packed import expand
    >>> plain = expand.expand(content) if expand.is_packed(content) else content
"""

__all__ = [
    "assemble",
    "bits",
    "cohort",
    "expand",
    "fields",
    "flatbuffer",
    "graph_reader",
    "graph_rules",
    "layer_shapes",
    "operands",
    "operator_table",
    "output_shapes",
    "reader",
    "record",
    "seal",
    "signature",
    "word_reader",
]
