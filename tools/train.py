"""`python tools/train.py` does what `tfsv train` does."""

from tfsv.commands.train import command

if __name__ == "__main__":
    command.run()
