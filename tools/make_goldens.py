"""`python tools/make_goldens.py` does what `tfsv make-goldens` does."""

from tfsv.commands.make_goldens import command

if __name__ == "__main__":
    command.run()
