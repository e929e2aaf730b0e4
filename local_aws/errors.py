"""The one exception that a user of the local AWS meets."""


class LocalAwsError(Exception):
    """An error that the user can fix: the message states what is wrong and what to do."""


class TrinoCrashedError(LocalAwsError):
    """Trino ended again and again after the local AWS was up."""
