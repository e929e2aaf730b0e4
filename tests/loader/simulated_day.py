"""A simulated day with faults at the vendor and at the destination.

A server on 127.0.0.1 takes the place of Yahoo or Alpha Vantage and corrupts every fifth response. The loader polls it
through a session on a simulated clock and delivers to a stream that rejects a tenth of its records, throttles a tenth
of the calls and loses a tenth of the responses after acceptance. What the stream accepted becomes raw objects. At the
end dead letters are sent again, and the raw zone is compared with the ledger and with the vendor's bars. As a module
(`make soak`) it simulates the days of many seeds and prints the smallest day that fails.
"""

import gzip
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock
from zoneinfo import ZoneInfo

from loader.jobs import FetchJob
from loader.reference import get_source, to_canonical_symbol
from loader.settings import Settings
from loader.sinks import dead_letters
from loader.sinks.stream import Backoff, FirehoseService, KinesisService, StreamService, StreamSink
from loader.store import FolderStore
from testkit.lake import Lake
from tests.loader.faulty_client import FaultyClient
from tests.loader.vendor_server import HANG_UP, ReceivedRequest, VendorServer

STREAMS = {name: name for name in ("bars", "daily_bars", "corporate_actions", "loader_runs")}
SYMBOLS = ("TSLA", "SCHG", "BTCUSD", "EURUSD")
OPEN = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)
NEW_YORK = ZoneInfo("America/New_York")
KEYS = "a-key-of-sixteen,another-of-sixteen"
COUNTS: Counter[str] = Counter()

Key = tuple[str, datetime]
Line = dict[str, Any]


@dataclass(frozen=True)
class Day:
    """The size and the faults of a day."""

    seed: int
    symbols: int = len(SYMBOLS)
    minutes: int = 90
    polls: int = 6
    vendor_faults: float = 0.2
    delivery_faults: float = 0.1


@dataclass
class VendorBars:
    """The vendor's bars: each minute's, in an early version until it has settled; quiet minutes have none."""

    day: Day
    settling: timedelta
    now: datetime = OPEN

    def has_bar(self, symbol: str, start: datetime) -> bool:
        return random.Random(f"{self.day.seed}|{symbol}|{start}").random() < (0.5 if symbol == "SCHG" else 0.97)

    def row(self, symbol: str, start: datetime, *, is_settled: bool) -> tuple[str, str, str, str, str]:
        rng = random.Random(f"{self.day.seed}|{symbol}|{start}|{is_settled}")
        open_, close = (f"{rng.uniform(90, 110):.3f}{rng.randrange(1, 10)}" for _ in range(2))
        volume = "0" if symbol == "EURUSD" else str(rng.randrange(1, 9999))
        return open_, max(open_, close, key=float), min(open_, close, key=float), close, volume

    def minutes(self, symbol: str, first: datetime, until: datetime) -> Iterator[tuple[datetime, bool]]:
        for minute in range(self.day.minutes):
            start = OPEN + timedelta(minutes=minute)
            if first <= start < min(until, self.now) and self.has_bar(symbol, start):
                yield start, self.now > start + timedelta(minutes=1) + self.settling

    def final(self) -> dict[Key, tuple[str, ...]]:
        everything = OPEN + timedelta(days=1)
        return {
            (symbol, start): self.row(symbol, start, is_settled=True)
            for symbol in SYMBOLS[: self.day.symbols]
            for start, _ in replace(self, now=everything).minutes(symbol, OPEN, everything)
        }


@dataclass
class FaultyVendor:
    """Responds as Yahoo and Alpha Vantage do, with the faults that users reported in some responses."""

    bars: VendorBars
    rng: random.Random
    faults: Counter[str] = field(default_factory=Counter)

    def __call__(self, request: ReceivedRequest) -> tuple[int, bytes]:
        body = self._yahoo(request) if "/chart/" in request.path else self._alphavantage(request)
        if self.rng.random() >= self.bars.day.vendor_faults:
            return 200, body
        fault = self.rng.choice(["throttled", "broken", "page", "torn", "hang up", "empty", "refused", "unknown"])
        self.faults[fault] += 1
        return {
            "throttled": (429, b"Too Many Requests"),
            "broken": (502, b"Bad Gateway"),
            "page": (200, b"<!DOCTYPE html><html>consent</html>"),
            "torn": (200, body[: self.rng.randrange(len(body))]),
            "hang up": (HANG_UP, body),
            "empty": (200, self.rng.choice([b"", b"{}"])),
            "refused": (200, json.dumps({"Information": self.rng.choice(_REFUSALS)}).encode()),
            "unknown": (200, b'{"surprise":true}'),
        }[fault]

    def _yahoo(self, request: ReceivedRequest) -> bytes:
        symbol = to_canonical_symbol(request.path.rpartition("/")[2].replace("%3D", "="))
        first, until = (datetime.fromtimestamp(int(request.query[name]), UTC) for name in ("period1", "period2"))
        rows: list[tuple[int, tuple[str | None, ...]]] = []
        for start, is_settled in self.bars.minutes(symbol, first, until):
            rows.append((int(start.timestamp()), self.bars.row(symbol, start, is_settled=is_settled)))
            if self.rng.random() < 0.02:
                rows.append((int(start.timestamp()) + 30, (None,) * 5))
        if rows and self.rng.random() < 0.5 and rows[-1][1][0]:  # the last bar again, stamped "now"
            rows.append((rows[-1][0] + 17, self.bars.row(symbol, OPEN, is_settled=False)))
        columns = {name: [values[at] for _, values in rows] for at, name in enumerate(_COLUMNS)}
        quote = {name: [value and json.loads(value) for value in column] for name, column in columns.items()}
        meta = {
            "currency": "USD",
            "symbol": request.path.rpartition("/")[2].replace("%3D", "="),
            "dataGranularity": "1m",
        }
        result: dict[str, Any] = {"meta": meta, "indicators": {"quote": [quote if rows else {}]}}
        if rows:
            result["timestamp"] = [epoch for epoch, _ in rows]
        return json.dumps({"chart": {"result": [result], "error": None}}).encode()

    def _alphavantage(self, request: ReceivedRequest) -> bytes:
        query = request.query
        symbol = query.get("from_symbol", "") + query.get("to_symbol", "") or query["symbol"] + query.get("market", "")
        zone, name = (UTC, "UTC") if symbol in ("BTCUSD", "EURUSD") else (NEW_YORK, "US/Eastern")
        series = {}
        for start, is_settled in self.bars.minutes(symbol, OPEN, OPEN + timedelta(days=1)):
            values = self.bars.row(symbol, start, is_settled=is_settled)[: 4 if symbol == "EURUSD" else 5]
            fields = {f"{at + 1}. {_COLUMNS[at]}": value for at, value in enumerate(values)}
            series[start.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")] = fields
        meta = {"1. Information": "Intraday", "4. Interval": "1min", "6. Time Zone": name}
        return json.dumps({"Meta Data": meta, "Time Series (1min)": dict(reversed(series.items()))}).encode()


_COLUMNS = ("open", "high", "low", "close", "volume")
_REFUSALS = (
    "Please consider spreading out your free API requests more sparingly (1 request per second).",
    "We have detected your API key as a-key-of-sixteen and our standard API rate limit is 25 requests per day.",
    "Something never seen before, about a-key-of-sixteen.",
)


def simulate_day(day: Day, folder: Path) -> dict[Key, tuple[str, ...]]:
    """Load the day into the lake `folder`, check its raw zone, and return the expected bars in their final version."""
    rng = random.Random(day.seed)
    provider = rng.choice(["yahoo", "alphavantage"])
    vendor_bars = VendorBars(day, get_source(provider).settling)
    client = FaultyClient(day.seed, *[day.delivery_faults] * 3)
    services: list[StreamService] = [FirehoseService(client), KinesisService(client)]
    landing = Landing(folder, client)
    sink = StreamSink(rng.choice(services), STREAMS, Backoff(rng.choice([1, 2, 8]), sleep=lambda _: None, rng=rng))
    vendor = FaultyVendor(vendor_bars, rng)
    expected, ledgers = vendor_bars.final(), []
    clock = Clock()
    with VendorServer(vendor) as server:
        environment = {
            f"TICKERLAKE_{provider.upper()}_URL": server.url,
            f"TICKERLAKE_{provider.upper()}_LIMITS": "none",
            "TICKERLAKE_ALPHAVANTAGE_KEY": KEYS,
        }
        while clock.polls < day.polls or (clock.polls < 60 and landing.missing(expected)):
            vendor_bars.now = clock.tick(day, rng)
            symbols = SYMBOLS[: day.symbols]
            job = FetchJob.build(Settings(folder), provider, symbols, "bars", "1min", len, environment)
            job.sink, job.now, job.quota.sleep = sink, clock.read, lambda _: None
            result = job.fetch_increment("watch", timedelta(days=1))
            landing.land(vendor_bars.now)
            if result:
                ledgers.append(result.ledger)
        missing = landing.missing(expected)
    check_ledgers(ledgers, landing)
    for _ in range(40):
        vendor_bars.now = clock.tick(day, rng)
        _, undelivered = dead_letters.resend(FolderStore(folder), sink, vendor_bars.now)
        landing.land(vendor_bars.now)
        if not undelivered:
            break
    assert not FolderStore(folder).keys(dead_letters.FOLDER)
    sent = sum(int(str(ledger["sent"])) for ledger in ledgers)
    assert len(landing.distinct("bars")) == sent, "every line sent has landed, now that dead letters were sent again"
    assert {line["run_id"]: line for line in landing.lines["loader_runs"]} == {
        str(ledger["run_id"]): ledger for ledger in ledgers
    }
    assert missing == [], "all bars of the day arrived in their final version"
    winners = landing.winners()
    assert {key: values_of(line) for key, line in winners.items()} == expected
    assert all(line["is_final"] for line in winners.values())
    text = "".join(path.read_bytes().decode("latin-1") for path in folder.rglob("*.json"))
    assert not any(key in text for key in KEYS.split(","))
    COUNTS.update(days=1, polls=len(ledgers), requests=len(server.requests), bars=len(expected), lines=sent)
    COUNTS.update(vendor_faults=vendor.faults.total(), dead_letters=sum(int(str(x["dead_lettered"])) for x in ledgers))
    COUNTS.update(copies=len(landing.lines["bars"]) - sent)
    return expected


class Clock:
    """The day's time: hours pass between polls, milliseconds between readings."""

    def __init__(self) -> None:
        self.now, self.polls = OPEN, 0

    def tick(self, day: Day, rng: random.Random) -> datetime:
        self.polls += 1
        step = day.minutes / day.polls if self.polls < day.polls else 30
        self.now += timedelta(minutes=step * rng.uniform(0.8, 1.2), seconds=rng.randrange(60))
        return self.now

    def read(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now


@dataclass
class Landing:
    """The raw objects of what a stream accepted, as Firehose writes them, and their lines."""

    folder: Path
    client: FaultyClient
    landed_records: Counter[str] = field(default_factory=Counter)
    lines: dict[str, list[Line]] = field(default_factory=lambda: {name: [] for name in STREAMS})
    confirmed: dict[str, int] = field(default_factory=dict)

    def land(self, now: datetime) -> None:
        for dataset, accepted in self.client.accepted.items():
            fresh = b"".join(data for _, data in accepted[self.landed_records[dataset] :])
            if not fresh:
                continue
            folder = self.folder / "raw" / dataset / f"dt={now:%Y-%m-%d}" / f"hr={now:%H}"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"stream-{self.landed_records[dataset]:06d}.ndjson.gz").write_bytes(gzip.compress(fresh))
            self.landed_records[dataset] = len(accepted)
            self.lines[dataset] += map(json.loads, fresh.splitlines())

    def distinct(self, dataset: str) -> set[tuple[str, int]]:
        return {(line["run_id"], line["line_number"]) for line in self.lines[dataset]}

    def winners(self) -> dict[Key, Line]:
        """Return the version of each bar that the warehouse must keep."""
        order = ("is_final", "received_at", "run_id", "line_number")
        newest: dict[Key, Line] = {}
        for line in sorted(self.lines["bars"], key=lambda line: [line[name] for name in order]):
            newest[line["symbol"], datetime.fromisoformat(line["bar_start"])] = line
        return newest

    def missing(self, expected: dict[Key, tuple[str, ...]]) -> list[Key]:
        final = {key for key, line in self.winners().items() if line["is_final"]}
        return sorted(expected.keys() - final)


def check_ledgers(ledgers: list[dict[str, object]], landing: Landing) -> None:
    """Check each run: parsed, sent, confirmed and landed lines add up."""
    landed = Counter(run_id for run_id, _ in landing.distinct("bars"))
    for ledger in ledgers:
        numbers = {name: int(str(ledger[name])) for name in _COUNTED}
        assert numbers["parsed"] == numbers["sent"] + numbers["null_rows"]
        assert numbers["sent"] == numbers["confirmed"] + numbers["dead_lettered"]
        assert landed[str(ledger["run_id"])] >= numbers["confirmed"]


_COUNTED = ("parsed", "sent", "null_rows", "confirmed", "dead_lettered")


def values_of(line: Line) -> tuple[str, ...]:
    return tuple(line[name] for name in _COLUMNS)


def smallest(day: Day, failing: Any) -> Day:
    """Return the smallest day that still fails."""
    for name, values in (("symbols", (1, 2, 3)), ("minutes", (1, 5, 20, 45)), ("polls", (1, 2, 3))):
        for value in values:
            smaller = replace(day, **{name: value})
            if value < getattr(day, name) and failing(smaller):
                day = smaller
                break
    return day


def fails(day: Day) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        try:
            simulate_day(day, Path(folder))
        except AssertionError:
            return True
    return False


def check_warehouse(lake: Lake, expected: dict[Key, tuple[str, ...]]) -> None:
    """Build the warehouse and check that fct_bar has each bar once, in its final version, and no line is lost."""
    lake.run()
    rows = lake.query("select symbol, bar_start_at, open, high, low, close, volume, is_final from fct_bar")
    assert len(rows) == len(expected)
    final_bars = {(row[0], row[1].replace(tzinfo=UTC)): tuple(map(float, row[2:7])) for row in rows if row[7]}
    assert final_bars == {key: tuple(map(float, values)) for key, values in expected.items()}
    audit = "select sum(landed_lines), sum(missing_lines) from lake.tickerlake_audit.fct_load_audit"
    landed = sum(
        len(gzip.decompress(path.read_bytes()).splitlines()) for path in lake.folder.glob("raw/bars/*/*/*.ndjson.gz")
    )
    assert lake.query(audit) == [(landed, 0)]


def soak(seeds: int, first: int, built_every: int = 20) -> None:
    """Simulate the days of `seeds` seeds, every `built_every`-th through dbt. Print the smallest day that fails."""
    started = time.monotonic()
    for seed in range(first, first + seeds):
        with tempfile.TemporaryDirectory(prefix="tickerlake_day_") as folder:
            lake = Lake(Path(folder) / "lake")
            try:
                expected = simulate_day(Day(seed), lake.folder)
                if seed % built_every == 0:
                    check_warehouse(lake, expected)
                    COUNTS["built"] += 1
            except AssertionError:
                print(f"seed {seed} fails; the smallest day that does: {smallest(Day(seed), fails)}", flush=True)
                raise
    print(f"seeds {first} to {seed}: {dict(COUNTS)}, {time.monotonic() - started:.0f} s", flush=True)


if __name__ == "__main__":
    with mock.patch("time.sleep"):
        soak(int(sys.argv[1]), int(sys.argv[2]))
