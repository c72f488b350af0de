"""`python tools/join_manifests.py` does what `tfsv join-manifests` does."""

from tfsv.commands.join_manifests import command

if __name__ == "__main__":
    command.run()
