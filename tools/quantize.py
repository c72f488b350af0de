"""`python tools/quantize.py` does what `tfsv quantize` does."""

from tfsv.commands.quantize import command

if __name__ == "__main__":
    command.run()
