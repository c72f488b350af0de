"""`python tools/search_bits.py` does what `tfsv search-bits` does."""

from tfsv.commands.search_bits import command

if __name__ == "__main__":
    command.run()
