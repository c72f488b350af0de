"""Golden files, with which other implementations compare themselves."""
