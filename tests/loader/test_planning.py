"""Quotas, gates, increments and back-fills: on a clock of the test's own, with vendors played by a class."""

import json
import random
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from loader.__main__ import main
from loader.jobs import Job
from loader.lease import Held, lease
from loader.outcome import Kind, Outcome
from loader.progress import Progress, fair_order, is_open
from loader.providers import registry
from loader.providers.base import Ask, Limits
from loader.providers.context import Context
from loader.quota import Quota
from loader.sinks.stream import Firehose, StreamSink
from loader.store import FolderStore
from tests.loader.faulty import FaultyClient
from tests.loader.test_replay import landed

MONDAY = datetime(2026, 3, 2, 5, tzinfo=UTC)


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self, now: float = 1_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds + 1e-6


@pytest.mark.parametrize("seed", range(8))
def test_no_window_ever_exceeds_the_grant(seed: int, tmp_path: Path) -> None:
    rng = random.Random(seed)
    limits = Limits(rng.choice([None, 1, 2]), rng.choice([None, 3, 5]), rng.choice([None, 7, 25]))
    keys = ["key-one-1", "key-two-2"][: rng.choice([1, 2])]
    clock = Clock()
    used: dict[str, list[float]] = {key: [] for key in keys}
    planners = [
        Quota(FolderStore(tmp_path), "v", limits, keys, clock, clock.sleep, rng.choice([2.0, 90.0])) for _ in range(2)
    ]
    for _ in range(120):
        key = rng.choice(planners).take()
        if key:
            used[key].append(clock())
        clock.now += rng.choice([0.0, 0.3, 20.0, 900.0])
    for moments in used.values():
        for allowed, length in ((limits.per_second, 1), (limits.per_minute, 60), (limits.per_day, 86_400)):
            for moment in moments if allowed is not None else ():
                assert sum(moment <= other < moment + length for other in moments) <= (allowed or 0)
    assert any(used.values())
    assert "key-one" not in (tmp_path / "state" / "quota" / "v.json").read_text()


def test_a_key_whose_day_is_over_gives_way_and_none_is_left_in_the_end(tmp_path: Path) -> None:
    clock = Clock()
    quota = Quota(FolderStore(tmp_path), "v", Limits(per_day=3), ["key-one-1", "key-two-2"], clock, clock.sleep)
    assert Counter(quota.take() for _ in range(6)) == {"key-one-1": 3, "key-two-2": 3}
    assert (quota.take(), quota.left_today()) == (None, 0)
    clock.now += 86_401
    assert quota.left_today() == 6
    quota.exhaust("key-one-1")
    assert {quota.take(), quota.take()} == {"key-two-2"}


def test_a_lease_admits_one_and_expires(tmp_path: Path) -> None:
    store, clock = FolderStore(tmp_path), Clock()
    with lease(store, "x", "one", 60, clock), pytest.raises(Held), lease(store, "x", "two", 60, clock):
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
def test_the_gate_follows_the_exchange(symbol: str, first: str, hours: int, dataset: str, expected: bool) -> None:
    start = datetime.fromisoformat(f"{first}+00:00")
    assert is_open(symbol, Ask(dataset, start, start + timedelta(hours=hours))) is expected


def test_symbols_take_turns_the_longest_waiting_first() -> None:
    pieces = [Ask("bars", MONDAY + timedelta(days=day), MONDAY + timedelta(days=day + 1)) for day in range(3)]
    order = fair_order({"A": pieces, "B": pieces[:1], "C": pieces}, {"A": "2026-03-01", "B": "2026-02-01"})
    assert [symbol for symbol, _ in order] == ["C", "B", "A", "C", "A", "C", "A"]


class Played:
    """A vendor that gives one bar an hour of the range, and fails as told."""

    source, key_variable, limits = "simulated", "", Limits()

    def __init__(self, fate: Callable[[str, Ask], Kind]) -> None:
        self.fate, self.asked = fate, list[tuple[str, Ask]]()

    def plan(self, ask: Ask, bar_interval: str) -> list[Ask]:
        days = (ask.until - ask.first).days
        starts = [ask.first + timedelta(days=day) for day in range(max(1, days))]
        return [Ask(ask.dataset, start, min(start + timedelta(days=1), ask.until)) for start in starts]

    def fetch(self, http: object, context: Context, ask: Ask, key: str) -> tuple[bytes, Outcome]:
        self.asked.append((context.symbol, ask))
        kind = self.fate(context.symbol, ask)
        if kind is not Kind.BARS:
            return b"", Outcome(kind, message="as told")
        hours = int((ask.until - ask.first).total_seconds() // 3600)
        labels = [(ask.first + timedelta(hours=hour)).isoformat() for hour in range(hours)]
        return b"x", Outcome(Kind.BARS, [context.bar(label, *"12121") for label in labels])


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[str, Ask], Kind]], Played]:
    def play(fate: Callable[[str, Ask], Kind]) -> Played:
        made = Played(fate)
        monkeypatch.setitem(registry.PROVIDERS, "played", lambda _: made)
        monkeypatch.setattr("time.sleep", lambda _: None)
        return made

    return play


BACKFILL = ["backfill", "--provider", "played", "--symbols", "TSLA,NVDA", "--from", "2026-03-02", "--to", "2026-03-13"]


def test_a_back_fill_resumes_after_a_kill_and_asks_nothing_twice(
    tmp_path: Path, played: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    lake = ["--lake", str(tmp_path)]
    played(lambda *_: Kind.BARS)
    assert main([*BACKFILL, *lake, "--dry-run"]) == 0
    printed = capsys.readouterr().out
    assert "22 requests to make, 0 done before" in printed  # post market of Friday ends on Saturday, UTC
    assert not tmp_path.joinpath("raw").exists()
    calls = iter(range(100))

    def killed(*_: object) -> Kind:
        if next(calls) == 14:
            raise KeyboardInterrupt
        return Kind.BARS

    played(killed)
    assert main([*BACKFILL, *lake]) == 130
    before = {(row["symbol"], row["bar_start"]) for row in landed(tmp_path)}
    assert len(before) == 10 * 24
    rest = played(lambda *_: Kind.BARS)
    assert main([*BACKFILL, *lake]) == 0
    assert len(rest.asked) == 12
    rows = [(row["symbol"], row["bar_start"]) for row in landed(tmp_path)]
    assert len(rows) == len(set(rows)) == 22 * 24
    assert main([*BACKFILL, *lake, "--json"]) == 0
    assert len(rest.asked) == 12


def test_a_back_fill_says_what_it_could_not_fetch_and_keeps_the_rest(
    tmp_path: Path, played: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    made = played(lambda symbol, _: Kind.UNKNOWN_SYMBOL if symbol == "NVDA" else Kind.BARS)
    assert main([*BACKFILL, "--lake", str(tmp_path)]) == 1
    printed = capsys.readouterr().err
    assert "NVDA: unknown_symbol: as told" in printed
    assert Counter(symbol for symbol, _ in made.asked)["NVDA"] == 3  # once a run
    assert len(landed(tmp_path)) == 11 * 24
    made = played(lambda *_: Kind.DAILY_QUOTA)
    assert main([*BACKFILL, "--lake", str(tmp_path)]) == 1
    assert "missed 11: quota used up" in capsys.readouterr().err
    assert len(made.asked) == 1


def test_an_increment_asks_from_the_first_provisional_bar_on(tmp_path: Path, played: Any) -> None:
    now = datetime.now(UTC).replace(minute=30, second=0, microsecond=0)
    made = played(lambda *_: Kind.BARS)
    job = make(tmp_path, ["BTCUSD"])
    job.now = lambda: now
    assert job.increment("watch", timedelta(hours=3)) is not None
    assert made.asked[0][1].first == now - timedelta(hours=3)
    state = Progress.of(job.store, "live", "simulated", "bars", "60min").read()
    reached = datetime.fromisoformat(state["final_until"]["BTCUSD"])
    assert now - timedelta(hours=3) < reached <= now
    job.now = lambda: now + timedelta(minutes=1)
    job.increment("watch", timedelta(hours=3))
    assert made.asked[1][1].first == reached


def test_a_missed_request_holds_progress_back(tmp_path: Path, played: Any) -> None:
    now = datetime(2026, 3, 4, 21, tzinfo=UTC)
    played(lambda _, ask: Kind.ENTITLEMENT if ask.first.day == 3 else Kind.BARS)
    job = make(tmp_path, ["BTCUSD", "EURUSD"])
    job.now = lambda: now
    job.increment("watch", timedelta(days=3))
    assert Progress.of(job.store, "live", "simulated", "bars", "60min").read()["final_until"] == {}


def test_a_line_that_no_stream_takes_is_kept_and_holds_nothing_back(tmp_path: Path, played: Any) -> None:
    made = played(lambda *_: Kind.BARS)
    giant = [
        Context.build("simulated", "BTCUSD", "60min", MONDAY.date()).bar("2026-03-02T05:00:00Z", "9" * 2**20, *"2121")
    ]
    fetch = made.fetch
    made.fetch = lambda *asked: (b"x", Outcome(Kind.BARS, giant + fetch(*asked)[1].bars))
    client, lake = FaultyClient(), tmp_path
    job = make(lake, ["BTCUSD"])
    job.sink = StreamSink(Firehose(client), {"bars": "bars", "loader_runs": "loader_runs"})
    job.now = lambda: MONDAY + timedelta(hours=9)
    made_now = job.increment("watch", timedelta(hours=9))
    assert made_now is not None
    assert (made_now[2]["dead_lettered"], made_now[2]["confirmed"]) == (1, 9)
    assert job.store.keys("dead_letters/") == [f"dead_letters/bars/{made_now[0].run_id}.ndjson.gz"]
    assert (
        Progress.of(job.store, "live", "simulated", "bars", "60min").read()["final_until"]["BTCUSD"] > "2026-03-02T12"
    )


def make(lake: Path, symbols: list[str]) -> Job:
    from loader.sinks.folder import FolderSink

    return Job.build("played", symbols, "bars", "60min", lake, FolderSink(lake), FolderStore(lake), lambda _: None, {})


def test_watch_says_when_all_is_closed_and_doctor_what_to_do(
    tmp_path: Path, played: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    played(lambda *_: Kind.BARS)
    monkeypatch.setattr("loader.progress.is_open", lambda *_: False)
    watch = ["watch", "--provider", "played", "--symbols", "TSLA", "--rounds", "2", "--every", "0s"]
    assert main([*watch, "--lake", str(tmp_path)]) == 0
    assert capsys.readouterr().out.count("closed") == 2
    monkeypatch.setattr("loader.progress.is_open", lambda *_: True)
    monkeypatch.setattr("loader.jobs.is_open", lambda *_: True)
    assert main([*watch, "--lake", str(tmp_path)]) == 0
    capsys.readouterr()
    monkeypatch.delenv("TICKERLAKE_ALPHAVANTAGE_KEY", raising=False)
    monkeypatch.setenv("TICKERLAKE_RAPIDAPI_KEY", "0123456789abcdef")
    assert main(["doctor", "--json", "--lake", str(tmp_path)]) == 0
    found = {line["what"]: (line["state"], line["detail"]) for line in json.loads(capsys.readouterr().out)}
    assert found["alphavantage"][1].endswith("set TICKERLAKE_ALPHAVANTAGE_KEY (several: comma-separated)")
    assert found["rapidapi"] == ("ok", "1 key(s), 25 requests left today")
    assert found["yahoo"] == ("ok", "needs no key")
    assert found["last run"][1].startswith("watch of ")
