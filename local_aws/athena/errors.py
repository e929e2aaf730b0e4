"""What Athena answers when something is wrong: refused requests and failed statements."""


class InvalidRequestError(Exception):
    """A request that is refused before anything runs (HTTP 400). `kind` is the exception's name in the API."""

    def __init__(self, message: str, kind: str = "InvalidRequestException", code: str = "INVALID_INPUT") -> None:
        super().__init__(message)
        self.kind = kind
        self.code = code


class StatementError(Exception):
    """A statement that failed. `name` is the error's word, e.g. TABLE_NOT_FOUND; the text is Athena's reason."""

    def __init__(self, message: str, name: str = "", *, is_users: bool = True) -> None:
        super().__init__(message)
        self.name = name
        self.is_users = is_users

    def as_athena_error(self) -> dict[str, object]:
        """The AthenaError of the API. ErrorType 233 with ICEBERG_COMMIT_ERROR is what dbt-athena retries."""
        is_conflict = self.name == "ICEBERG_COMMIT_ERROR"
        error_type = 233 if is_conflict else 1006 if "NOT_FOUND" in self.name else 1000
        return {
            "ErrorCategory": 2 if self.is_users else 1,
            "ErrorType": error_type,
            "Retryable": is_conflict,
            "ErrorMessage": str(self),
        }


class CancelledError(Exception):
    """A statement that was stopped, by its user or by the workgroup's limit."""
