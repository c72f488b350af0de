"""The one exception that means "the user can mend this"."""


class InputError(ValueError):
    """A file, manifest, setting or folder that tfsv was given cannot be used.

    The message is one line that names the file or setting and says what to do. Commands print it
    without a traceback and exit with status 1; see `tfsv.commands.running`.

    Example:
        >>> try:
        ...     read_manifest("absent.tsv")
        ... except InputError as error:
        ...     print(error)
        absent.tsv: cannot be read as a manifest (No such file or directory)
    """
