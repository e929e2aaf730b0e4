"""Rate limits, exchange hours, increments and back-fills: with a simulated clock and scripted providers."""

import json
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from loader.__main__ import main
from loader.jobs import FetchJob
from loader.lease import LeaseHeldError, lease
from loader.outcome import Kind, Outcome
from loader.progress import Progress, is_open, round_robin
from loader.providers.base import FetchRequest, Limits
from loader.providers.parse_context import ParseContext
from loader.quota import Quota
from loader.settings import Settings
from loader.sinks.stream import FirehoseService, StreamSink
from loader.store import FolderStore
from tests.loader.faulty_client import FaultyClient
from tests.loader.raw_zone import read_landed

MONDAY = datetime(2026, 3, 2, 5, tzinfo=UTC)


class Clock:
    """Time that passes only in `sleep`."""

    def __init__(self, now: float = 1_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds + 1e-6


@pytest.mark.parametrize("seed", range(8))
def test_no_window_ever_exceeds_its_limit(seed: int, tmp_path: Path) -> None:
    rng = random.Random(seed)
    limits = Limits(rng.choice([None, 1, 2]), rng.choice([None, 3, 5]), rng.choice([None, 7, 25]))
    keys = ["key-one-1", "key-two-2"][: rng.choice([1, 2])]
    clock = Clock()
    used: dict[str, list[float]] = {key: [] for key in keys}
    quotas = [
        Quota(FolderStore(tmp_path), "v", limits, keys, clock, clock.sleep, rng.choice([2.0, 90.0])) for _ in range(2)
    ]
    for _ in range(120):
        key = rng.choice(quotas).acquire_key()
        if key:
            used[key].append(clock())
        clock.now += rng.choice([0.0, 0.3, 20.0, 900.0])
    for moments in used.values():
        for allowed, length in ((limits.per_second, 1), (limits.per_minute, 60), (limits.per_day, 86_400)):
            for moment in moments if allowed is not None else ():
                assert sum(moment <= other < moment + length for other in moments) <= (allowed or 0)
    assert any(used.values())
    assert "key-one" not in (tmp_path / "state" / "quota" / "v.json").read_text()


def test_a_key_with_a_used_up_day_is_replaced_until_no_key_is_left(tmp_path: Path) -> None:
    clock = Clock()
    quota = Quota(FolderStore(tmp_path), "v", Limits(per_day=3), ["key-one-1", "key-two-2"], clock, clock.sleep)
    assert Counter(quota.acquire_key() for _ in range(6)) == {"key-one-1": 3, "key-two-2": 3}
    assert (quota.acquire_key(), quota.remaining_today()) == (None, 0)
    clock.now += 86_401
    assert quota.remaining_today() == 6
    quota.mark_exhausted("key-one-1")
    assert {quota.acquire_key(), quota.acquire_key()} == {"key-two-2"}


def test_a_lease_admits_one_and_expires(tmp_path: Path) -> None:
    store, clock = FolderStore(tmp_path), Clock()
    with lease(store, "x", "one", 60, clock), pytest.raises(LeaseHeldError), lease(store, "x", "two", 60, clock):
        pass
    with lease(store, "x", "three", 60, clock):
        clock.now += 61
        with lease(store, "x", "four", 60, clock):
            pass


@pytest.mark.parametrize(
    ("symbol", "first", "hours", "dataset", "expected"),
    [
        ("TSLA", "2026-03-02T14:00", 1, "bars", True),
        ("TSLA", "2026-03-07T14:00", 24, "bars", False),  # Saturday
        ("TSLA", "2026-07-03T12:00", 12, "bars", False),  # Independence Day, observed
        ("TSLA", "2026-11-27T21:30", 2, "bars", True),  # after an early close: post market until 17:00
        ("TSLA", "2026-11-27T22:30", 2, "bars", False),
        ("BTCUSD", "2026-03-07T14:00", 1, "bars", True),
        ("TSLA", "2026-03-07T14:00", 24, "corporate_actions", True),
    ],
)
def test_requests_follow_the_exchanges_hours(symbol: str, first: str, hours: int, dataset: str, expected: bool) -> None:
    start = datetime.fromisoformat(f"{first}+00:00")
    assert is_open(symbol, FetchRequest(dataset, start, start + timedelta(hours=hours))) is expected


def test_symbols_are_served_in_turn_least_recently_served_first() -> None:
    pieces = [FetchRequest("bars", MONDAY + timedelta(days=day), MONDAY + timedelta(days=day + 1)) for day in range(3)]
    order = round_robin({"A": pieces, "B": pieces[:1], "C": pieces}, {"A": "2026-03-01", "B": "2026-02-01"})
    assert [symbol for symbol, _ in order] == ["C", "B", "A", "C", "A", "C", "A"]


BACKFILL = [
    "backfill",
    "--provider",
    "scripted",
    "--symbols",
    "TSLA,NVDA",
    "--from",
    "2026-03-02",
    "--to",
    "2026-03-13",
]


def test_a_back_fill_resumes_after_a_kill_and_repeats_no_request(
    tmp_path: Path, script_provider: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    lake = ["--lake", str(tmp_path)]
    script_provider(lambda *_: Kind.BARS)
    assert main([*BACKFILL, *lake, "--dry-run"]) == 0
    printed = capsys.readouterr().out
    assert "22 requests to make, 0 done before" in printed  # post market of Friday ends on Saturday, UTC
    assert not tmp_path.joinpath("raw").exists()
    calls = iter(range(100))

    def interrupt(*_: object) -> Kind:
        if next(calls) == 14:
            raise KeyboardInterrupt
        return Kind.BARS

    script_provider(interrupt)
    assert main([*BACKFILL, *lake]) == 130
    before = {(row["symbol"], row["bar_start"]) for row in read_landed(tmp_path)}
    assert len(before) == 10 * 24
    provider = script_provider(lambda *_: Kind.BARS)
    assert main([*BACKFILL, *lake]) == 0
    assert len(provider.requests) == 12
    rows = [(row["symbol"], row["bar_start"]) for row in read_landed(tmp_path)]
    assert len(rows) == len(set(rows)) == 22 * 24
    assert main([*BACKFILL, *lake, "--json"]) == 0
    assert len(provider.requests) == 12


def test_a_back_fill_reports_missed_requests_and_lands_the_rest(
    tmp_path: Path, script_provider: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    provider = script_provider(lambda symbol, _: Kind.UNKNOWN_SYMBOL if symbol == "NVDA" else Kind.BARS)
    assert main([*BACKFILL, "--lake", str(tmp_path)]) == 1
    printed = capsys.readouterr().err
    assert "NVDA: unknown_symbol: as scripted" in printed
    assert Counter(symbol for symbol, _ in provider.requests)["NVDA"] == 11  # an unknown symbol may concern the range
    assert len(read_landed(tmp_path)) == 11 * 24
    provider = script_provider(lambda *_: Kind.DAILY_QUOTA)
    assert main([*BACKFILL, "--lake", str(tmp_path)]) == 1
    assert "missed 11: quota used up" in capsys.readouterr().err
    assert len(provider.requests) == 1


def test_an_increment_begins_at_the_first_provisional_bar(tmp_path: Path, script_provider: Any) -> None:
    now = datetime.now(UTC).replace(minute=30, second=0, microsecond=0)
    provider = script_provider(lambda *_: Kind.BARS)
    job = build_job(tmp_path, ["BTCUSD"])
    job.now = lambda: now
    assert job.fetch_increment("watch", timedelta(hours=3)) is not None
    assert provider.requests[0][1].first == now - timedelta(hours=3)
    state = Progress.of(job.store, "live", "simulated", "bars", "60min").read()
    final_until = datetime.fromisoformat(state["final_until"]["BTCUSD"])
    assert now - timedelta(hours=3) < final_until <= now
    job.now = lambda: now + timedelta(minutes=1)
    job.fetch_increment("watch", timedelta(hours=3))
    assert provider.requests[1][1].first == final_until


def test_progress_stops_before_a_missed_request(tmp_path: Path, script_provider: Any) -> None:
    now = datetime(2026, 3, 4, 21, tzinfo=UTC)
    script_provider(lambda _, request: Kind.ENTITLEMENT if request.first.day == 3 else Kind.BARS)
    job = build_job(tmp_path, ["BTCUSD", "EURUSD"])
    job.now = lambda: now
    job.fetch_increment("watch", timedelta(days=3))
    assert Progress.of(job.store, "live", "simulated", "bars", "60min").read()["final_until"] == {}


def test_a_line_that_is_too_large_is_dead_lettered_and_does_not_stop_progress(
    tmp_path: Path, script_provider: Any
) -> None:
    provider = script_provider(lambda *_: Kind.BARS)
    giant = [
        ParseContext.build("simulated", "BTCUSD", "60min", MONDAY.date()).bar(
            "2026-03-02T05:00:00Z", "9" * 2**20, *"2121"
        )
    ]
    fetch = provider.fetch
    provider.fetch = lambda *arguments: (b"x", Outcome(Kind.BARS, giant + fetch(*arguments)[1].bars))
    client, lake = FaultyClient(), tmp_path
    job = build_job(lake, ["BTCUSD"])
    job.sink = StreamSink(FirehoseService(client), {"bars": "bars", "loader_runs": "loader_runs"})
    job.now = lambda: MONDAY + timedelta(hours=9)
    result = job.fetch_increment("watch", timedelta(hours=9))
    assert result is not None
    assert (result.ledger["dead_lettered"], result.ledger["confirmed"]) == (1, 9)
    assert job.store.keys("dead_letters/") == [f"dead_letters/bars/{result.run.run_id}.ndjson.gz"]
    assert (
        Progress.of(job.store, "live", "simulated", "bars", "60min").read()["final_until"]["BTCUSD"] > "2026-03-02T12"
    )


def build_job(lake: Path, symbols: list[str]) -> FetchJob:
    return FetchJob.build(Settings(lake), "scripted", symbols, "bars", "60min", lambda _: None, {})


def test_watch_reports_closed_exchanges_and_doctor_the_next_step(
    tmp_path: Path, script_provider: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    script_provider(lambda *_: Kind.BARS)
    monkeypatch.setattr("loader.progress.is_open", lambda *_: False)
    watch = ["watch", "--provider", "scripted", "--symbols", "TSLA", "--rounds", "2", "--every", "0s"]
    assert main([*watch, "--lake", str(tmp_path)]) == 0
    assert capsys.readouterr().out.count("closed") == 2
    monkeypatch.setattr("loader.progress.is_open", lambda *_: True)
    monkeypatch.setattr("loader.jobs.is_open", lambda *_: True)
    assert main([*watch, "--lake", str(tmp_path)]) == 0
    capsys.readouterr()
    monkeypatch.delenv("TICKERLAKE_ALPHAVANTAGE_KEY", raising=False)
    monkeypatch.setenv("TICKERLAKE_RAPIDAPI_KEY", "0123456789abcdef")
    assert main(["doctor", "--json", "--lake", str(tmp_path)]) == 0
    findings = {line["what"]: (line["state"], line["detail"]) for line in json.loads(capsys.readouterr().out)}
    assert findings["alphavantage"][1].endswith("set TICKERLAKE_ALPHAVANTAGE_KEY (several: comma-separated)")
    assert findings["rapidapi"] == ("ok", "1 key(s), 25 requests left today")
    assert findings["yahoo"] == ("ok", "needs no key")
    assert findings["last run"][1].startswith("watch of ")
