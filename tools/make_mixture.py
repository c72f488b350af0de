"""`python tools/make_mixture.py` does what `tfsv make-mixture` does."""

from tfsv.commands.make_mixture import command

if __name__ == "__main__":
    command.run()
