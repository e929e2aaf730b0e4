"""The one exception a user of the local AWS meets."""


class LocalAwsError(Exception):
    """Something the user can mend: the message names what is wrong and the remedy."""
