"""The tasks of tfsv; a file each."""
