"""What takes hours: train, quantize, fine-tune, search bits."""
