"""Recorded days of some symbols, as records of the raw zone."""

import csv
import gzip
from collections.abc import Iterator
from typing import Any

from testkit import realdata
from testkit.daily import day

RECORDED = {  # symbol: its days, split-adjusted by the vendor
    "MSFT": "daily/yahoo_gcfc/MSFT_1d.csv.gz",
    "NVDA": "daily/yahoo_gcfc/NVDA_1d.csv.gz",
    "QQQ": "daily/yahoo_gcfc/QQQ_1d.csv.gz",
    "VOO": "daily/yahoo_gcfc/VOO_1d.csv.gz",
    "SCHG": "daily/yahoo_praveen/SCHG.csv.gz",
    "AAPL": "daily/yahoo_praveen/AAPL.csv.gz",
    "FB": "daily/sp500_5yr_2012_2017/FB.csv",
}
RECEIVED = "2025-02-21T21:00:00.000Z"


def read_rows(symbol: str) -> Iterator[dict[str, str]]:
    """Yield the rows of a symbol's file, by column name."""
    path = realdata.path(RECORDED[symbol])
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
        yield from csv.DictReader(file)


def recorded_days(symbol: str) -> list[dict[str, Any]]:
    """Return the daily bars of a symbol as Yahoo would deliver them, split-adjusted."""
    records = []
    for number, row in enumerate(read_rows(symbol)):
        prices = {name.lower(): float(row[name]) for name in ("Open", "High", "Low", "Close")}
        at = (row.get("Date") or row["Datetime"])[:10]
        extra: dict[str, Any] = {"adjusted_close": float(row["Adj Close"])} if "Adj Close" in row else {}
        records.append(
            day(
                symbol,
                at,
                **prices,
                **extra,
                volume=row["Volume"],
                source="yahoo",
                price_basis="split_adjusted",
                received_at=RECEIVED,
                line_number=number,
            )
        )
    return records
