"""Errors as `application/problem+json` (RFC 9457): what is wrong, with which value, and what would be right."""

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
    414: "Address too long",
    422: "Invalid parameter",
    429: "Too many requests",
    500: "Internal error",
    503: "Nothing to serve",
}


class ProblemError(Exception):
    """An answer other than 200. `errors` names parameters and their values."""

    def __init__(self, status: int, detail: str, errors: list[dict[str, Any]] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = errors

    def response(self, headers: dict[str, str] | None = None) -> Response:
        """Give the answer; it is never stored by a cache."""
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


def about(parameter: str, value: object, message: str) -> ProblemError:
    """Refuse one parameter's value."""
    shown = str(value)[:100]
    return ProblemError(
        422, f"{parameter} '{shown}': {message}", [{"parameter": parameter, "value": shown, "message": message}]
    )
