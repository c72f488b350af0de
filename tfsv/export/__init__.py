"""Networks as TFLite files: folding, conversion, int8 weights, loading."""
