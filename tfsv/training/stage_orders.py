"""The orders in which staged fine-tuning quantizes layers. This module imports no TensorFlow."""

ORDERS = ("bits", "sensitivity", "front")
"""Names of the orders, which `tfsv.training.plan_stages` takes.

"bits" puts the widest codes first, "sensitivity" the most sensitive layers, and "front" the
network's first layers.
"""
