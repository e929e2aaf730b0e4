"""Safe decoding of untrusted JSON: numbers stay text, depth and size are bounded."""

import json
import re
from typing import Any

MAX_BYTES = 32 * 1024 * 1024
"""Largest accepted body: a year of minutes is under 20 MB. HTTP responses have a lower limit of their own."""
_INTEGER = re.compile(r"-?[0-9]{1,15}(\.0+)?")


class Number(str):
    """A JSON number, as its own digits."""

    __slots__ = ()


def decode(payload: bytes) -> Any:
    """Decode a body; numbers become `Number`. Raises ValueError, and nothing else, for invalid JSON."""
    if len(payload) > MAX_BYTES:
        raise ValueError("body too large")
    try:
        return json.loads(payload, parse_float=Number, parse_int=Number, parse_constant=Number)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def integer(value: object) -> int | None:
    """Return a whole number of up to 15 digits, else None."""
    return int(value.partition(".")[0]) if isinstance(value, Number) and _INTEGER.fullmatch(value) else None


def mapping(value: object) -> dict[str, Any]:
    """Return the value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def looks_like_html(payload: bytes) -> bool:
    """Return whether a body is a web page: a consent form, a gateway's or an application's error."""
    head = payload[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return head.startswith((b"<!doctype html", b"<html", b"<head", b"<body", b"<!--"))
