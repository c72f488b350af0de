"""What differs between speaker verification and any other task."""
