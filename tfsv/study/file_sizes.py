"""Bytes of a model's files in every form."""

import zlib
from collections.abc import Mapping

import tf_keras as keras

from tfsv.card import ModelCard
from tfsv.conversion.convert import convert
from tfsv.conversion.ends import Ends
from tfsv.quantization.float16_weights import StoredWeights


def file_sizes(
    network: keras.Model, coded: Mapping[str, StoredWeights], card: ModelCard, ends: Ends
) -> dict[str, int]:
    """Bytes of the files that `export_tflite` would write, with int8 weights where quantized.

    Example:
        >>> network, coded = strip(quantized)
        >>> sizes = file_sizes(network, coded, card, Ends.of(network))
        >>> sizes["packed"] < sizes["int8"]
        True

    Args:
        network: A plain network, such as `tfsv.quantization.network.strip` gives.
        coded: Coded weights of the network's layers by name; none for a float model.
        card: The card of the network.
        ends: Inputs and outputs of the network's file.

    Returns:
        Bytes by form: "float32" for a float model, else "packed" and "int8", the plain file that
        packing competes with. The forms "packed_zip" and "int8_zip" are the same files after zlib
        at its best level: few distinct weights compress well, and apps are shipped compressed.
    """
    if not coded:
        return {"float32": len(convert(network, {}, card, ends, "float32", "float32").content())}
    sizes = {}
    for form in ("packed", "int8"):
        content = convert(network, coded, card, ends, form, "int8_weights").content()
        sizes |= {form: len(content), f"{form}_zip": len(zlib.compress(content, 9))}
    return sizes
