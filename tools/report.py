"""`python tools/report.py` does what `tfsv report` does."""

from tfsv.commands.report import command

if __name__ == "__main__":
    command.run()
