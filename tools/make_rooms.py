"""`python tools/make_rooms.py` does what `tfsv make-rooms` does."""

from tfsv.commands.make_rooms import command

if __name__ == "__main__":
    command.run()
