"""The one exception a user of the pipeline meets."""


class PipelineError(Exception):
    """Something the user can mend: the message names the value and the remedy, in one line."""
