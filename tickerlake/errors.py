"""The one exception that a user of any command line meets."""


class UserError(Exception):
    """An error that the user can fix.

    The message is one line without secrets: what is wrong, the value, and what to do. A command line prints it and
    exits with code 2.
    """
