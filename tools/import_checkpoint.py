"""`python tools/import_checkpoint.py` does what `tfsv import` does."""

from tfsv.commands.import_checkpoint import command

if __name__ == "__main__":
    command.run()
