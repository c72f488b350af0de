"""In which order layers are quantized when fine-tuning goes in stages. No TensorFlow."""

ORDERS = ("bits", "sensitivity", "front")
"""Names of the orders: the widest codes first, the most sensitive layers first, the network's first
layers first; see `by_bits`, `by_sensitivity` and `front_to_back` of `tfsv.training.stages`."""
