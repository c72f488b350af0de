"""Ways to tell what a layer loses by few bits; a file each."""
