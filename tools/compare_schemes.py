"""`python tools/compare_schemes.py` does what `tfsv compare-schemes` does."""

from tfsv.commands.compare_schemes import command

if __name__ == "__main__":
    command.run()
