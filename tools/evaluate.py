"""`python tools/evaluate.py` does what `tfsv evaluate` does."""

from tfsv.commands.evaluate import command

if __name__ == "__main__":
    command.run()
