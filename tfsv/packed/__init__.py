"""The packed format: codes in a TFLite file, record, expansion, checksum. No TensorFlow."""
