"""Errors as `application/problem+json` (RFC 9457): what is wrong, the value, and what to do."""

from typing import Any

import orjson
from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"
SCHEMA = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "One sentence that names the value."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["parameter", "message"],
                "properties": {"parameter": {"type": "string"}, "value": {}, "message": {"type": "string"}},
            },
        },
    },
}
_TITLES = {
    400: "Bad request",
    404: "Not found",
    405: "Method not allowed",
    406: "Not acceptable",
    414: "Address too long",
    422: "Invalid parameter",
    429: "Too many requests",
    500: "Internal error",
    503: "Service unavailable",
}


class ProblemError(Exception):
    """A response other than 200. `errors` lists parameters with their values."""

    def __init__(self, status: int, detail: str, errors: list[dict[str, Any]] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = errors

    def response(self, headers: dict[str, str] | None = None) -> Response:
        """Return the response, which caches must not store."""
        body: dict[str, Any] = {
            "type": "about:blank",
            "title": _TITLES.get(self.status, "Error"),
            "status": self.status,
            "detail": self.detail,
        }
        if self.errors:
            body["errors"] = self.errors
        return Response(
            orjson.dumps(body), self.status, {"Cache-Control": "no-store", **(headers or {})}, media_type=MEDIA_TYPE
        )


def invalid_parameter(parameter: str, value: object, message: str) -> ProblemError:
    """Return the error that rejects the value of a parameter."""
    shown = str(value)[:100]
    return ProblemError(
        422, f"{parameter} '{shown}': {message}", [{"parameter": parameter, "value": shown, "message": message}]
    )
