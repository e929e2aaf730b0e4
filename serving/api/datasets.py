"""The datasets of the API: each a path over a published table, with its filters, order and queries."""

import base64
import binascii
import csv
import io
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import orjson

from serving.api.problems import invalid_parameter
from serving.api.store import Release
from serving.contract import Mart, marts

INTERVALS = ("1min", "5min", "15min", "30min", "60min")
SESSIONS = ("pre", "regular", "post", "closed", "continuous")
MAX_SYMBOLS = 20
MAX_ROWS = 20_000
# the longest range of one request, in days: it bounds the search for a page of 20,000 rows
MAX_DAYS = {"1min": 400, "5min": 2_000, "15min": 6_000, "30min": 12_000, "60min": 24_000}
LOAD_COLUMNS = ("run_id", "line_number", "source_object", "received_at")  # lineage: served only on request


@dataclass(frozen=True, slots=True)
class Query:
    """A query on a dataset; None and empty mean no filter. `start` (inclusive) and `end` (exclusive) bound the time."""

    symbols: tuple[str, ...] = ()
    interval: str = ""
    start: datetime | date | None = None
    end: datetime | date | None = None
    filters: Mapping[str, str] = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    is_descending: bool = False
    last: int = 0  # the newest rows of each series; 0 for all
    limit: int = 1_000
    cursor: str = ""

    def fingerprint(self, path: str) -> str:
        """Return what a cursor is bound to: the path and everything that decides which rows come in which order."""
        bounds = (self.symbols, self.interval, f"{self.start}", f"{self.end}", self.is_descending, self.last)
        return f"{zlib.crc32(orjson.dumps([path, *bounds, sorted(self.filters.items())])):08x}"


@dataclass(frozen=True)
class Dataset:
    """A path of the API over a mart. `time` is the column that `from`, `to` and `order` apply to ('' for none)."""

    path: str
    mart_name: str
    summary: str
    time: str = ""
    filters: tuple[str, ...] = ()

    @cached_property
    def mart(self) -> Mart:
        """The contract of its mart."""
        return marts()[self.mart_name]

    @property
    def has_instants(self) -> bool:
        """True when its times are instants in UTC, not dates."""
        return bool(self.time) and self.mart.columns[self.time].data_type == "timestamp"

    @property
    def order(self) -> tuple[str, ...]:
        """The columns of the sort order and of cursors: the time, then the rest of the key."""
        first = (self.time,) if self.time else ()
        return first + tuple(name for name in self.mart.key if name != self.time)

    @property
    def series(self) -> tuple[str, ...]:
        """The columns that identify a series: those of the key beside the time, if it has the time."""
        if self.time in self.mart.key:
            return tuple(name for name in self.mart.key if name != self.time)
        return tuple(name for name in ("symbol", "bar_interval", "source") if name in self.mart.columns)

    @property
    def default_columns(self) -> tuple[str, ...]:
        """The columns of a response when the request names none."""
        return tuple(name for name in self.mart.columns if name not in LOAD_COLUMNS)

    def values(self, column: str) -> tuple[str, ...]:
        """Return the allowed values of a filter on a column; () for any."""
        fixed = {"session": SESSIONS, "bar_interval": INTERVALS}
        return fixed.get(column) or self.mart.columns[column].values

    def rows(self, release: Release, query: Query) -> tuple[list[str], list[tuple[Any, ...]], str]:
        """Run a query; return the column names, the rows, and the cursor of the next page ('' at the end).

        Times are ISO-8601 text, instants with a Z; numbers that are not finite are NULL.
        """
        columns = query.columns or self.default_columns
        source, where, values = self._source(query)
        direction = " desc" if query.is_descending else ""
        selected = ", ".join(
            [*(self._select(name) for name in columns), *(f"cast({n} as varchar)" for n in self.order)]
        )
        # names come from the contract, values are bound
        sql = (
            f"select {selected} from {source} {where} "  # noqa: S608
            f"order by {', '.join(name + direction for name in self.order)} limit {query.limit + 1:d}"
        )
        _, rows = release.query(sql, values)
        has_more = len(rows) > query.limit
        rows = rows[: query.limit]
        cursor = ""
        if has_more:
            key = orjson.dumps([query.fingerprint(self.path), *rows[-1][len(columns) :]])
            cursor = base64.urlsafe_b64encode(key).decode()
        return list(columns), [row[: len(columns)] for row in rows], cursor

    def _select(self, name: str) -> str:
        data_type = self.mart.columns[name].data_type
        if data_type == "timestamp":
            return f"strftime({name}, '%Y-%m-%dT%H:%M:%SZ')"
        if data_type == "date":
            return f"cast({name} as varchar)"
        if data_type == "double":
            return f"case when isfinite({name}) then {name} end"
        return f"cast({name} as double)" if data_type.startswith("decimal") else name

    def _source(self, query: Query) -> tuple[str, str, list[Any]]:
        """Return what a query reads from, its filter, and the values of the two."""
        conditions, values = self._conditions(query)
        after, last_key = self._after_cursor(query)
        if not query.last:
            return self.mart_name, _where([*conditions, *after]), [*values, *last_key]
        newest = (
            f"(select * from {self.mart_name} {_where(conditions)} qualify row_number() over "  # noqa: S608
            f"(partition by {', '.join(self.series)} order by {self.time} desc) <= {query.last:d})"
        )
        return newest, _where(after), [*values, *last_key]

    def _conditions(self, query: Query) -> tuple[list[str], list[Any]]:
        conditions: list[str] = []
        values: list[Any] = []
        if query.symbols:
            conditions.append(f"symbol in ({', '.join('?' * len(query.symbols))})")
            values += query.symbols
        if query.interval:
            conditions.append("bar_interval = ?")
            values.append(query.interval)
        for column, value in query.filters.items():
            conditions.append(f"cast({column} as varchar) = ?")
            values.append(value)
        for sign, bound in ((">=", query.start), ("<", query.end)):
            if bound is not None:
                conditions.append(f"{self.time} {sign} ?")
                values.append(bound)
        return conditions, values

    def _after_cursor(self, query: Query) -> tuple[list[str], list[Any]]:
        if not query.cursor:
            return [], []
        last_key = self._decode_cursor(query)
        sign = "<" if query.is_descending else ">"
        return [
            f"({', '.join(self.order)}) {sign} ({', '.join('?' * len(last_key))})",
            f"{self.order[0]} {sign}= ?",  # redundant, but lets DuckDB skip files
        ], [*last_key, last_key[0]]

    def _decode_cursor(self, query: Query) -> list[Any]:
        """Return the key in a cursor, which is that of the last row served.

        Raises ProblemError for any other text, and for a cursor of another query.
        """
        cursor = query.cursor
        try:
            texts = orjson.loads(base64.b64decode(cursor, altchars=b"-_", validate=True))
            if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
                raise ValueError
            fingerprint, *texts = texts
            if fingerprint != query.fingerprint(self.path):
                message = "belongs to another path, filter, range or order: repeat those of the page before"
                raise invalid_parameter("cursor", cursor, message)
            return [
                _parse_value(self.mart.columns[name].data_type, text)
                for name, text in zip(self.order, texts, strict=True)
            ]
        except (ValueError, binascii.Error, OverflowError):
            message = "is not a cursor of this path: use next_cursor of the page before"
            raise invalid_parameter("cursor", cursor, message) from None


def _where(conditions: list[str]) -> str:
    return f"where {' and '.join(conditions)}" if conditions else ""


def _parse_value(data_type: str, text: str) -> Any:
    if data_type == "timestamp":
        return datetime.fromisoformat(text).replace(tzinfo=None)
    if data_type == "date":
        return date.fromisoformat(text)
    if data_type in ("bigint", "integer"):
        number = int(text)
        if abs(number) >= 2**63:
            raise ValueError(text)
        return number
    return text


def parse_instant(text: str, parameter: str) -> datetime:
    """Parse a date (its midnight in UTC) or a time with its zone; return naive UTC. Raises ProblemError."""
    message = "is not a date (2024-06-07) or a time with its zone (2024-06-07T13:30:00Z)"
    try:
        instant = datetime.fromisoformat(text)
        if instant.tzinfo is None and len(text) > len("2024-06-07"):
            raise ValueError(text)
        return instant if instant.tzinfo is None else instant.astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        raise invalid_parameter(parameter, text, message) from None


def parse_day(text: str, parameter: str) -> date:
    """Parse a date. Raises ProblemError."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise invalid_parameter(parameter, text, "is not a date (2024-06-07)") from None


def max_range(interval: str) -> timedelta:
    """Return the longest range that one request for bars of an interval can have."""
    return timedelta(days=MAX_DAYS[interval])


def encode_columns(dataset: str, release: Release, names: list[str], rows: list[tuple[Any, ...]], cursor: str) -> bytes:
    """Encode rows as JSON with one list for each column, which is half the size of a list of objects."""
    lists = zip(*rows, strict=True) if rows else ([] for _ in names)
    columns = dict(zip(names, lists, strict=True))
    return orjson.dumps(_page(dataset, release, len(rows), cursor) | {"columns": columns})


def encode_records(dataset: str, release: Release, names: list[str], rows: list[tuple[Any, ...]], cursor: str) -> bytes:
    """Encode rows as JSON with one object for each row."""
    records = [dict(zip(names, row, strict=True)) for row in rows]
    return orjson.dumps(_page(dataset, release, len(rows), cursor) | {"records": records})


def _page(dataset: str, release: Release, count: int, cursor: str) -> dict[str, Any]:
    return {
        "dataset": dataset,
        "time_zone": "UTC",
        "release": release.tag,
        "count": count,
        "next_cursor": cursor or None,
    }


def encode_parquet(mart: Mart, names: list[str], rows: list[tuple[Any, ...]]) -> bytes:
    """Encode rows as a Parquet file with the types of the mart; decimals are doubles, as in JSON, times are UTC."""
    types = {name: _PARQUET_TYPES.get(mart.columns[name].data_type, "double") for name in names}
    texts = {name: "varchar" if kind in ("timestamp", "date") else kind for name, kind in types.items()}
    selected = ", ".join(f"cast({name} as {kind}) as {name}" for name, kind in types.items())
    # the connection of a release can write no file
    with TemporaryDirectory() as folder, duckdb.connect() as connection:
        source, target = Path(folder) / "rows.json", Path(folder) / "rows.parquet"
        source.write_bytes(b"\n".join(orjson.dumps(dict(zip(names, row, strict=True))) for row in rows))
        read = connection.read_json(str(source), format="newline_delimited", columns=texts)
        read.project(selected).write_parquet(str(target), compression="zstd")
        return target.read_bytes()


_PARQUET_TYPES = {
    name: name for name in ("varchar", "timestamp", "date", "boolean", "bigint", "integer")
}  # all others are numbers


def encode_csv(names: list[str], rows: list[tuple[Any, ...]]) -> bytes:
    """Encode rows as CSV with a header line; NULL is an empty field, booleans are true and false."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([str(v).lower() if isinstance(v, bool) else v for v in row] for row in rows)
    return out.getvalue().encode()


_BAR = "bar_start_at"
_DAY = "session_date"
DATASETS = (
    Dataset("bars", "fct_bar", "Bars as received", _BAR, ("session", "price_basis")),
    Dataset("bars/adjusted", "v_bar_adjusted", "Bars in today's shares", _BAR, ("session",)),
    Dataset("price-changes", "fct_price_change", "Change from the bar before", _BAR),
    Dataset("moving-averages", "fct_moving_average", "SMA 5 and 20, crossover", _BAR, ("crossover",)),
    Dataset("volume-spikes", "fct_volume_spike", "Volume compared with its average", _BAR, ("volume_spike",)),
    Dataset("indicators", "fct_technical_indicator", "EMA, MACD, RSI, Bollinger, ATR, VWAP", _BAR),
    Dataset("signals", "fct_signal", "Crossovers, spikes, anomalies", _BAR, ("signal_type", "direction")),
    Dataset("signals/outcomes", "fct_signal_outcome", "Prices after each signal", _BAR),
    Dataset("movers", "screen_top_movers", "Top five up and down", filters=("direction",)),
    Dataset("latest", "screen_latest", "Each symbol's newest day"),
    Dataset("daily/bars", "fct_daily_bar", "Daily bars as received", _DAY),
    Dataset("daily/adjusted", "v_daily_bar_adjusted", "Daily bars in today's shares", _DAY),
    Dataset("daily/returns", "fct_daily_return", "Returns, gaps, anomalies by day", _DAY),
    Dataset("daily/indicators", "fct_daily_indicator", "Averages and indicators by day", _DAY),
    Dataset("daily/index", "fct_return_index", "Cumulative returns and drawdown", _DAY),
    Dataset("daily/volatility", "fct_volatility", "Volatility by day", _DAY),
    Dataset("daily/correlations", "fct_return_correlation", "Correlation of returns", _DAY, ("lag_sessions",)),
    Dataset("periods", "fct_period_summary", "Weeks, months, quarters, years", "period_start", ("period",)),
    Dataset("corporate-actions", "dim_corporate_action", "Splits and dividends", "effective_date", ("kind",)),
    Dataset(
        "corporate-actions/suspect",
        "suspect_corporate_action",
        "Splits and dividends that prices contradict",
        "effective_date",
        ("kind", "reason"),
    ),
    Dataset("symbols", "dim_symbol", "Symbols and where they trade"),
    Dataset("series", "dim_series", "Each series: source, interval, first and last bar"),
    Dataset("gaps", "fct_gap", "Missing minutes and why", "gap_start_at", ("reason",)),
)
