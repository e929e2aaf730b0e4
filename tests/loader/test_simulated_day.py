"""A day with faults at both ends: whatever a vendor answers and a stream refuses, every bar arrives, once, in its last
version.

A server on 127.0.0.1 plays Yahoo or Alpha Vantage and spoils every fifth answer; the loader polls it through a session
on a simulated clock and delivers to a stream that refuses a tenth of its records, throttles a tenth of the calls and
loses a tenth of the answers after acceptance. What the stream accepted becomes raw objects. At the end dead letters are
sent again, and the raw zone is held against the ledger and against what the vendor knows. `make soak` plays hundreds of
seeds and prints the smallest day that fails.
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

import pytest

from loader.jobs import Job
from loader.reference import canonical_symbol, source
from loader.sinks import dead_letters
from loader.sinks.stream import Backoff, Firehose, Kinesis, Service, StreamSink
from loader.store import FolderStore
from testkit.lake import Lake
from tests.loader.faulty import FaultyClient
from tests.loader.vendor import HANG_UP, Asked, Vendor

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
    """What is played; smaller numbers make a smaller day."""

    seed: int
    symbols: int = len(SYMBOLS)
    minutes: int = 90
    polls: int = 6
    vendor_faults: float = 0.2
    delivery_faults: float = 0.1


@dataclass
class Truth:
    """What the vendor knows: each minute's bar, its early version until it has settled, and no bar in quiet minutes."""

    day: Day
    settling: timedelta
    now: datetime = OPEN

    def has(self, symbol: str, start: datetime) -> bool:
        return random.Random(f"{self.day.seed}|{symbol}|{start}").random() < (0.5 if symbol == "SCHG" else 0.97)

    def row(self, symbol: str, start: datetime, *, settled: bool) -> tuple[str, str, str, str, str]:
        rng = random.Random(f"{self.day.seed}|{symbol}|{start}|{settled}")
        open_, close = (f"{rng.uniform(90, 110):.3f}{rng.randrange(1, 10)}" for _ in range(2))
        volume = "0" if symbol == "EURUSD" else str(rng.randrange(1, 9999))
        return open_, max(open_, close, key=float), min(open_, close, key=float), close, volume

    def minutes(self, symbol: str, first: datetime, until: datetime) -> Iterator[tuple[datetime, bool]]:
        for minute in range(self.day.minutes):
            start = OPEN + timedelta(minutes=minute)
            if first <= start < min(until, self.now) and self.has(symbol, start):
                yield start, self.now > start + timedelta(minutes=1) + self.settling

    def final(self) -> dict[Key, tuple[str, ...]]:
        everything = OPEN + timedelta(days=1)
        return {
            (symbol, start): self.row(symbol, start, settled=True)
            for symbol in SYMBOLS[: self.day.symbols]
            for start, _ in replace(self, now=everything).minutes(symbol, OPEN, everything)
        }


@dataclass
class PlayedVendor:
    """Answers as Yahoo and Alpha Vantage do, and spoils some answers in every way that users reported."""

    truth: Truth
    rng: random.Random
    faults: Counter[str] = field(default_factory=Counter)

    def __call__(self, asked: Asked) -> tuple[int, bytes]:
        body = self._yahoo(asked) if "/chart/" in asked.path else self._alphavantage(asked)
        if self.rng.random() >= self.truth.day.vendor_faults:
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

    def _yahoo(self, asked: Asked) -> bytes:
        symbol = canonical_symbol(asked.path.rpartition("/")[2].replace("%3D", "="))
        first, until = (datetime.fromtimestamp(int(asked.query[name]), UTC) for name in ("period1", "period2"))
        rows: list[tuple[int, tuple[str | None, ...]]] = []
        for start, settled in self.truth.minutes(symbol, first, until):
            rows.append((int(start.timestamp()), self.truth.row(symbol, start, settled=settled)))
            if self.rng.random() < 0.02:
                rows.append((int(start.timestamp()) + 30, (None,) * 5))
        if rows and self.rng.random() < 0.5 and rows[-1][1][0]:  # the last bar comes again, stamped "now"
            rows.append((rows[-1][0] + 17, self.truth.row(symbol, OPEN, settled=False)))
        columns = {name: [values[at] for _, values in rows] for at, name in enumerate(_COLUMNS)}
        quote = {name: [value and json.loads(value) for value in column] for name, column in columns.items()}
        meta = {"currency": "USD", "symbol": asked.path.rpartition("/")[2].replace("%3D", "="), "dataGranularity": "1m"}
        result: dict[str, Any] = {"meta": meta, "indicators": {"quote": [quote if rows else {}]}}
        if rows:
            result["timestamp"] = [epoch for epoch, _ in rows]
        return json.dumps({"chart": {"result": [result], "error": None}}).encode()

    def _alphavantage(self, asked: Asked) -> bytes:
        query = asked.query
        symbol = query.get("from_symbol", "") + query.get("to_symbol", "") or query["symbol"] + query.get("market", "")
        zone, name = (UTC, "UTC") if symbol in ("BTCUSD", "EURUSD") else (NEW_YORK, "US/Eastern")
        series = {}
        for start, settled in self.truth.minutes(symbol, OPEN, OPEN + timedelta(days=1)):
            values = self.truth.row(symbol, start, settled=settled)[: 4 if symbol == "EURUSD" else 5]
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


def play(day: Day, folder: Path) -> dict[Key, tuple[str, ...]]:
    """Play the day into the lake `folder`, hold all that must hold of its raw zone, give the bars that must win."""
    rng = random.Random(day.seed)
    provider = rng.choice(["yahoo", "alphavantage"])
    truth = Truth(day, timedelta(seconds=source(provider).settling_seconds))
    client = FaultyClient(day.seed, *[day.delivery_faults] * 3)
    services: list[Service] = [Firehose(client), Kinesis(client)]
    landing = Landing(folder, client)
    sink = StreamSink(rng.choice(services), STREAMS, Backoff(rng.choice([1, 2, 8]), sleep=lambda _: None, rng=rng))
    vendor = PlayedVendor(truth, rng)
    expected, ledgers = truth.final(), []
    clock = Clock()
    with Vendor(vendor) as server:
        environment = {
            f"TICKERLAKE_{provider.upper()}_URL": server.url,
            f"TICKERLAKE_{provider.upper()}_LIMITS": "none",
            "TICKERLAKE_ALPHAVANTAGE_KEY": KEYS,
        }
        while clock.polls < day.polls or (clock.polls < 60 and not landing.holds(expected)):
            truth.now = clock.tick(day, rng)
            job = Job.build(
                provider, SYMBOLS[: day.symbols], "bars", "1min", folder, sink, FolderStore(folder), len, environment
            )
            job.now, job.quota.sleep = clock.read, lambda _: None
            made = job.increment("watch", timedelta(days=1))
            landing.land(truth.now)
            if made:
                ledgers.append(made[2])
        missing = landing.lacks(expected)
    check_ledgers(ledgers, landing)
    for _ in range(40):
        truth.now = clock.tick(day, rng)
        _, dead = dead_letters.resend(FolderStore(folder), sink, truth.now)
        landing.land(truth.now)
        if not dead:
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
    COUNTS.update(days=1, polls=len(ledgers), requests=len(server.asked), bars=len(expected), lines=sent)
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
    """Raw objects made of what a stream accepted since the last look, as Firehose makes them, and their lines."""

    folder: Path
    client: FaultyClient
    taken: Counter[str] = field(default_factory=Counter)
    lines: dict[str, list[Line]] = field(default_factory=lambda: {name: [] for name in STREAMS})
    confirmed: dict[str, int] = field(default_factory=dict)

    def land(self, now: datetime) -> None:
        for dataset, accepted in self.client.accepted.items():
            fresh = b"".join(data for _, data in accepted[self.taken[dataset] :])
            if not fresh:
                continue
            folder = self.folder / "raw" / dataset / f"dt={now:%Y-%m-%d}" / f"hr={now:%H}"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"stream-{self.taken[dataset]:06d}.ndjson.gz").write_bytes(gzip.compress(fresh))
            self.taken[dataset] = len(accepted)
            self.lines[dataset] += map(json.loads, fresh.splitlines())

    def distinct(self, dataset: str) -> set[tuple[str, int]]:
        return {(line["run_id"], line["line_number"]) for line in self.lines[dataset]}

    def winners(self) -> dict[Key, Line]:
        """The version of each bar that the warehouse must keep."""
        order = ("is_final", "received_at", "run_id", "line_number")
        found: dict[Key, Line] = {}
        for line in sorted(self.lines["bars"], key=lambda line: [line[name] for name in order]):
            found[line["symbol"], datetime.fromisoformat(line["bar_start"])] = line
        return found

    def lacks(self, expected: dict[Key, tuple[str, ...]]) -> list[Key]:
        final = {key for key, line in self.winners().items() if line["is_final"]}
        return sorted(expected.keys() - final)

    def holds(self, expected: dict[Key, tuple[str, ...]]) -> bool:
        return not self.lacks(expected)


def check_ledgers(ledgers: list[dict[str, object]], landing: Landing) -> None:
    """Conservation, statements 1 to 3, of each run."""
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
    """Make a failing day smaller while it still fails."""
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
            play(day, Path(folder))
        except AssertionError:
            return True
    return False


def build(lake: Lake, expected: dict[Key, tuple[str, ...]]) -> None:
    """Build the warehouse from the raw zone: fct_bar holds each bar once, in its last version, and no line is lost."""
    lake.run()
    rows = lake.query("select symbol, bar_start_at, open, high, low, close, volume, is_final from fct_bar")
    assert len(rows) == len(expected)
    found = {(row[0], row[1].replace(tzinfo=UTC)): tuple(map(float, row[2:7])) for row in rows if row[7]}
    assert found == {key: tuple(map(float, values)) for key, values in expected.items()}
    audit = "select sum(landed_lines), sum(missing_lines) from lake.tickerlake_audit.fct_load_audit"
    landed = sum(
        len(gzip.decompress(path.read_bytes()).splitlines()) for path in lake.folder.glob("raw/bars/*/*/*.ndjson.gz")
    )
    assert lake.query(audit) == [(landed, 0)]


@pytest.mark.loopback
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_day_with_faults_at_both_ends_lands_every_bar(seed: int, tmp_path: Path) -> None:
    play(Day(seed), tmp_path)


@pytest.mark.slow
@pytest.mark.loopback
def test_a_day_with_faults_at_both_ends_doubles_nothing_in_the_warehouse(lake: Lake) -> None:
    build(lake, play(Day(seed=4), lake.folder))


def soak(seeds: int, first: int, built_every: int = 20) -> None:
    """Play days of `seeds` seeds; every `built_every`-th goes through dbt. Raises with the smallest day that fails."""
    started = time.monotonic()
    for seed in range(first, first + seeds):
        with tempfile.TemporaryDirectory(prefix="tickerlake_day_") as folder:
            lake = Lake(Path(folder) / "lake")
            try:
                expected = play(Day(seed), lake.folder)
                if seed % built_every == 0:
                    build(lake, expected)
                    COUNTS["built"] += 1
            except AssertionError:
                print(f"seed {seed} fails; the smallest day that does: {smallest(Day(seed), fails)}", flush=True)
                raise
    print(f"seeds {first} to {seed}: {dict(COUNTS)}, {time.monotonic() - started:.0f} s", flush=True)


if __name__ == "__main__":
    with mock.patch("time.sleep"):
        soak(int(sys.argv[1]), int(sys.argv[2]))
