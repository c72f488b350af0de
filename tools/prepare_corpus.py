"""`python tools/prepare_corpus.py` does what `tfsv prepare` does."""

from tfsv.commands.prepare import command

if __name__ == "__main__":
    command.run()
