"""What a request's headers accept: media types, compression and entity tags (RFC 9110)."""

import re
from collections.abc import Mapping

FORMATS: Mapping[str, str] = {
    "json": "application/json",
    "records": "application/json",
    "csv": "text/csv",
    "parquet": "application/vnd.apache.parquet",
}
"""Media types by the value of `format`; the first of a type is the one that a header chooses."""


def choose_format(accept: str) -> str:
    """Return the format that an Accept header prefers, json if it has none; "" when it accepts none of them."""
    if not accept.strip():
        return "json"
    ranges = _parse_qualities(accept)

    def quality(media_type: str) -> float:
        kind = media_type.partition("/")[0]
        return next((ranges[name] for name in (media_type, f"{kind}/*", "*/*") if name in ranges), 0.0)

    best = max(FORMATS, key=lambda name: quality(FORMATS[name]))  # the first of equals
    return best if quality(FORMATS[best]) > 0 else ""


def accepts_gzip(accept_encoding: str) -> bool:
    """Return whether an Accept-Encoding header allows gzip."""
    codings = _parse_qualities(accept_encoding)
    return codings.get("gzip", codings.get("x-gzip", codings.get("*", 0.0))) > 0


def matches_tag(if_none_match: str, tag: str) -> bool:
    """Return whether an If-None-Match header names the tag, weak or not."""
    return if_none_match.strip() == "*" or tag in re.findall(r'(?:W/)?"([^"]*)"', if_none_match)


def _parse_qualities(header: str) -> dict[str, float]:
    """Return the quality of each value; one that cannot be read counts as 1, as a missing one does."""
    qualities = {}
    for item in header.split(","):
        name, *parameters = (part.strip().lower() for part in item.split(";"))
        quality = next((p[2:] for p in parameters if p.startswith("q=")), "1")
        qualities[name] = float(quality) if re.fullmatch(r"[01](\.[0-9]{0,3})?", quality) else 1.0
    return qualities
