"""`python tools/separate.py` does what `tfsv separate` does."""

from tfsv.commands.separate import command

if __name__ == "__main__":
    command.run()
