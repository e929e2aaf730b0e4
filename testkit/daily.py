"""Days and corporate actions for tests: records of raw/daily_bars and raw/corporate_actions, and how to land them."""

import gzip
import json
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from testkit.lake import Lake, bar


def day(
    symbol: str = "TSLA", session_date: date | str = "2026-03-02", close: float | str = "100", **fields: Any
) -> dict[str, Any]:
    """Return one valid record of raw/daily_bars, flat at its close; `fields` replace or add to it."""
    price = close if isinstance(close, str) else plain(close)
    record = bar(symbol, "", price) | {"session_date": str(session_date), "vendor_label": str(session_date)}
    record["received_at"] = "2026-06-01T00:00:00.000Z"
    for name in ("bar_start", "bar_interval"):
        del record[name]
    return record | {key: plain(value) if isinstance(value, float) else value for key, value in fields.items()}


def action(symbol: str, kind: str, effective_date: date | str, value: float | str, **fields: Any) -> dict[str, Any]:
    """Return one valid record of raw/corporate_actions: a split's ratio or a dividend's amount."""
    text = value if isinstance(value, str) else plain(value)
    return {
        "schema_version": 1,
        "source": "simulated",
        "symbol": symbol,
        "kind": kind,
        "effective_date": str(effective_date),
        "vendor_label": str(effective_date),
        "ratio": text if kind == "split" else None,
        "amount": text if kind == "dividend" else None,
        "currency": "USD",
        "received_at": "2026-06-01T00:00:00.000Z",
        "run_id": "01J00000000000000000000001",
        "line_number": 1,
        "payload_sha256": "",
    } | fields


def land(
    lake: Lake,
    dataset: str,
    lines: Iterable[Mapping[str, Any] | bytes],
    hour: str = "2026-03-02 15",
    name: str = "object",
) -> None:
    """Put lines into raw/<dataset> as one object that arrived in `hour` (YYYY-MM-DD HH)."""
    target = lake.folder / "raw" / dataset / f"dt={hour[:10]}" / f"hr={hour[11:]}" / f"{name}.ndjson.gz"
    target.parent.mkdir(parents=True, exist_ok=True)
    texts = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
    target.write_bytes(gzip.compress(b"\n".join(texts) + b"\n"))


def plain(number: float) -> str:
    """Return a number in plain decimal notation with at most eight decimals, as the record contract requires."""
    return f"{number:.8f}".rstrip("0").rstrip(".")
