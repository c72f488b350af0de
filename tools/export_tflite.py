"""`python tools/export_tflite.py` does what `tfsv export` does."""

from tfsv.commands.export import command

if __name__ == "__main__":
    command.run()
