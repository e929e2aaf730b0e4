"""Errors as Athena reports them: refused requests and failed statements."""


class InvalidRequestError(Exception):
    """A request that is refused before anything runs (HTTP 400).

    `exception_name` is the exception's name in the API, `code` its AthenaErrorCode.
    """

    def __init__(
        self, message: str, exception_name: str = "InvalidRequestException", code: str = "INVALID_INPUT"
    ) -> None:
        super().__init__(message)
        self.exception_name = exception_name
        self.code = code


class StatementError(Exception):
    """A statement that failed; the message is the StateChangeReason. `name` is the error's name: TABLE_NOT_FOUND."""

    def __init__(self, message: str, name: str = "", *, is_user_error: bool = True) -> None:
        super().__init__(message)
        self.name = name
        self.is_user_error = is_user_error

    def to_athena_error(self) -> dict[str, object]:
        """Return the AthenaError of the API. dbt-athena retries ErrorType 233 with ICEBERG_COMMIT_ERROR."""
        is_conflict = self.name == "ICEBERG_COMMIT_ERROR"
        error_type = 233 if is_conflict else 1006 if "NOT_FOUND" in self.name else 1000
        return {
            "ErrorCategory": 2 if self.is_user_error else 1,
            "ErrorType": error_type,
            "Retryable": is_conflict,
            "ErrorMessage": str(self),
        }


class QueryCancelledError(Exception):
    """A statement that was stopped by StopQueryExecution or by the workgroup's limit of scanned bytes."""
