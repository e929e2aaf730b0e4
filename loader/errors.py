"""The one exception a user of the loader meets."""


class LoaderError(Exception):
    """Something the user can mend: the message names the value and the remedy, in one line, and holds no secret."""
