"""Yahoo chart v8: keyless, unofficial, and the one live source of 1-minute bars that is free today.

Times are epoch seconds UTC of the bar's start; the last element may be a live bar stamped "now". Arrays may hold nulls,
and an empty range has no `timestamp` at all. Prices are split-adjusted by the vendor.
"""

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import requests

from loader.outcome import Kind, Outcome
from loader.providers.context import Context

URL = "https://query2.finance.yahoo.com"
_INTERVALS = {"1min": "1m", "5min": "5m", "15min": "15m", "30min": "30m", "60min": "60m"}
_GRANULARITIES = {**_INTERVALS, "60min": "1h"}
_HISTORY = timedelta(days=1)
_MINOR_UNITS = {"GBp": "GBP", "GBX": "GBP", "ZAc": "ZAR", "ILA": "ILS"}
_HUNDREDTH = Decimal("0.01")
_TIMEOUT_SECONDS = (5, 30)


def fetch(http: requests.Session, context: Context, until: datetime, base_url: str = URL) -> tuple[bytes, Outcome]:
    """Fetch the day of bars before `until`, pre and post market included. Returns the body and its outcome."""
    try:
        response = http.get(
            f"{base_url}/v8/finance/chart/{quote(context.symbol, safe='')}",
            params={
                "interval": _INTERVALS[context.bar_interval],
                "period1": str(int((until - _HISTORY).timestamp())),
                "period2": str(int(until.timestamp())),
                "includePrePost": "true",
            },
            headers={"User-Agent": "Mozilla/5.0 (tickerlake)"},
            timeout=_TIMEOUT_SECONDS,
        )
    except requests.RequestException as error:
        return b"", Outcome(Kind.TRANSPORT, message=type(error).__name__)
    if response.status_code == 429:
        return response.content, Outcome(Kind.BURST_LIMIT, message="too many requests")
    return response.content, parse(response.content, context)


def parse(payload: bytes, context: Context) -> Outcome:
    """Parse one chart response. Raises nothing: what is not understood is an UNKNOWN outcome."""
    try:
        body: Any = json.loads(payload, parse_float=Decimal)
        chart = body["chart"]
        if chart.get("error"):
            missing = chart["error"].get("code") == "Not Found"
            return Outcome(Kind.UNKNOWN_SYMBOL if missing else Kind.BAD_REQUEST, message=_first_line(chart["error"]))
        result = chart["result"][0]
        meta, times = result["meta"], result.get("timestamp") or []
        quotes = result["indicators"]["quote"][0]
        columns = [quotes.get(name) or [None] * len(times) for name in ("open", "high", "low", "close", "volume")]
        rows = list(zip(times, *columns, strict=True))
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        return Outcome(Kind.UNKNOWN, message="not a chart answer")
    served = meta.get("dataGranularity")
    if served not in (None, _INTERVALS[context.bar_interval], _GRANULARITIES[context.bar_interval]):
        return Outcome(Kind.UNKNOWN, message=f"asked for {context.bar_interval}, served {served}")
    return _bars(rows, str(meta.get("currency") or context.currency), context)


def _bars(rows: Iterable[tuple[Any, ...]], currency: str, context: Context) -> Outcome:
    in_unit = replace(context, currency=_MINOR_UNITS.get(currency, currency))
    bars, null_rows = [], 0
    for epoch, *values in rows:
        if all(value is None for value in values[:4]):
            null_rows += 1
            continue
        label = datetime.fromtimestamp(epoch, UTC).isoformat() if isinstance(epoch, int) else str(epoch)
        if currency in _MINOR_UNITS:
            values[:4] = [value * _HUNDREDTH if isinstance(value, int | Decimal) else value for value in values[:4]]
        bars.append(in_unit.bar(label, *values))
    return Outcome(Kind.BARS if bars else Kind.EMPTY, bars, null_rows)


def _first_line(error: dict[str, Any]) -> str:
    return str(error.get("description") or error.get("code")).splitlines()[0][:200]
