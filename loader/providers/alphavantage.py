"""Alpha Vantage TIME_SERIES_INTRADAY in JSON.

Shape: `{"Meta Data": {...}, "Time Series (1min)": {"2017-12-18 14:56:00": {"1. open": "86.4900", ...}}}`, newest first.
The vendor answers every refusal with HTTP 200 and a text, so absence of the series decides, not the wording.
"""

import json
from typing import Any

from loader.outcome import Kind, Outcome
from loader.providers.context import Context


def parse(payload: bytes, context: Context) -> Outcome:
    """Parse one response body. Raises nothing: what is not understood is an UNKNOWN outcome."""
    try:
        body: Any = json.loads(payload)
    except ValueError:
        return Outcome(Kind.UNKNOWN, message="not JSON")
    series = _series(body)
    if series is None:
        return _refusal(body)
    bars = []
    for label, values in series.items():
        fields = {key.partition(". ")[2]: value for key, value in values.items()} if isinstance(values, dict) else {}
        bars.append(context.bar(label, *(fields.get(name) for name in ("open", "high", "low", "close", "volume"))))
    return Outcome(Kind.BARS if bars else Kind.EMPTY, bars)


def _series(body: object) -> dict[str, Any] | None:
    if isinstance(body, dict):
        for key, value in body.items():
            if key.startswith("Time Series") and isinstance(value, dict):
                return value
    return None


def _refusal(body: object) -> Outcome:
    """Classify an answer without a series by the vendor's wording, most specific first."""
    if body == {}:
        return Outcome(Kind.EMPTY)
    texts = body if isinstance(body, dict) else {}
    error = str(texts.get("Error Message", ""))
    if error:
        kind = Kind.BAD_KEY if "apikey" in error else Kind.BAD_REQUEST
        return Outcome(kind, message="the vendor refused the key" if kind is Kind.BAD_KEY else "invalid API call")
    note = str(texts.get("Information") or texts.get("Note") or "")
    if any(words in note for words in ("sparingly", "per second", "per minute")):
        return Outcome(Kind.BURST_LIMIT, message="too many requests at once")
    if "requests per day" in note or "standard API rate limit" in note:
        return Outcome(Kind.DAILY_QUOTA, message="the key's requests for today are used up")
    if "demo" in note:
        return Outcome(Kind.BAD_KEY, message="the demo key serves no other request")
    if "premium" in note:
        return Outcome(Kind.ENTITLEMENT, message="a premium endpoint or parameter")
    return Outcome(Kind.UNKNOWN, message="no time series in the answer")
