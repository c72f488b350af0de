"""The one exception that means "the user can mend this"."""


class InputError(ValueError):
    """A file, manifest, flag or folder that tfsv was given cannot be used.

    The message is one line that names the file (or flag) and says what to do. Commands print it
    without a traceback and exit with status 1; see `tfsv.commands.running`.
    """
