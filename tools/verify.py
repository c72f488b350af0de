"""`python tools/verify.py` does what `tfsv verify` does."""

from tfsv.commands.verify import command

if __name__ == "__main__":
    command.run()
