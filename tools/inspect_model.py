"""`python tools/inspect_model.py` does what `tfsv inspect` does."""

from tfsv.commands.inspect import command

if __name__ == "__main__":
    command.run()
