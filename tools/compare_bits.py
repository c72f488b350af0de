"""`python tools/compare_bits.py` does what `tfsv compare-bits` does."""

from tfsv.commands.compare_bits import command

if __name__ == "__main__":
    command.run()
