"""A refusal concerns a range, not its symbol; a vendor's history ends somewhere; a pause leaves no hole."""

from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from loader.__main__ import main
from loader.jobs import FetchJob
from loader.outcome import Kind
from loader.progress import Progress
from loader.providers.yahoo import Yahoo
from loader.settings import Settings
from tests.loader.raw_zone import read_landed
from tests.loader.vendor_server import ReceivedRequest, VendorServer

RANGE = ["--provider", "scripted", "--symbols", "BTCUSD", "--from", "2026-03-02", "--to", "2026-03-06"]


@pytest.mark.parametrize("kind", [Kind.BAD_REQUEST, Kind.ENTITLEMENT, Kind.UNKNOWN_SYMBOL])
def test_a_refused_range_does_not_stop_the_others(
    tmp_path: Path, script_provider: Any, capsys: pytest.CaptureFixture[str], kind: Kind
) -> None:
    provider = script_provider(lambda _, request: kind if request.first.day in (3, 6) else Kind.BARS)
    assert main(["backfill", *RANGE, "--lake", str(tmp_path)]) == 1
    assert [request.first.day for _, request in provider.requests] == [6, 5, 4, 3, 2], "newest first"
    assert {bar["bar_start"][8:10] for bar in read_landed(tmp_path)} == {"02", "04", "05"}
    printed = capsys.readouterr().err
    assert f"missed 2: {kind}: as scripted; the vendor will not serve this (2026-03-03 to 2026-03-07)" in printed
    assert "resumes" not in printed


def test_a_range_can_be_requested_again(tmp_path: Path, script_provider: Any) -> None:
    provider = script_provider(lambda *_: Kind.BARS)
    lake = ["--lake", str(tmp_path)]
    assert main(["backfill", *RANGE, *lake]) == 0
    assert main(["backfill", *RANGE, *lake]) == 0
    assert len(provider.requests) == 5
    assert main(["backfill", *RANGE, "--again", "--dry-run", *lake]) == 0
    assert len(provider.requests) == 5
    assert main(["backfill", *RANGE, "--again", *lake]) == 0
    assert len(provider.requests) == 10


def serve_recent(request: ReceivedRequest) -> tuple[int, bytes]:
    """Refuse minutes older than 30 days, as Yahoo does."""
    if int(request.query["period1"]) < (datetime.now(UTC) - timedelta(days=30)).timestamp():
        error = b'{"code":"Unprocessable Entity","description":"1m data must be within the last 30 days."}'
        return 422, b'{"chart":{"result":null,"error":' + error + b"}}"
    return 200, b'{"chart":{"result":[{"meta":{"dataGranularity":"1m"},"indicators":{"quote":[{}]}}],"error":null}}'


@pytest.mark.loopback
def test_fetch_of_thirty_days_works_and_more_says_what_is_not_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with VendorServer(serve_recent) as server:
        monkeypatch.setenv("TICKERLAKE_YAHOO_URL", server.url)
        monkeypatch.setenv("TICKERLAKE_YAHOO_LIMITS", "none")
        command = ["--provider", "yahoo", "--symbols", "BTCUSD", "--lake", str(tmp_path)]
        assert main(["fetch", *command, "--days", "30"]) == 0
        assert capsys.readouterr().err == ""
        assert len(server.requests) == 5
        assert main(["fetch", *command, "--days", "40"]) == 0
        assert "yahoo serves 1min bars of the last 30 days only" in capsys.readouterr().err
        server.requests.clear()
        today = datetime.now(UTC).date()
        span = ["--from", str(today - timedelta(days=60)), "--to", str(today)]
        assert main(["backfill", *command, *span]) == 1
        printed = capsys.readouterr().err
        assert f"{today - timedelta(days=60)}T00:00:00Z to " in printed
        assert "yahoo serves 1min bars of the last 30 days only; use another provider or files" in printed
        assert "resumes" not in printed
        done = len(server.requests)
        assert done >= 5
        assert main(["backfill", *command, *span]) == 1
        assert len(server.requests) - done == 1, "today's range is not settled; a shrunken one is not asked again"


@pytest.mark.parametrize(
    ("interval", "days"), [("1min", 30), ("5min", 60), ("15min", 60), ("30min", 60), ("60min", 730)]
)
def test_yahoo_s_history_of_each_interval(interval: str, days: int) -> None:
    assert Yahoo().history("bars", interval) == timedelta(days=days)
    assert Yahoo().history("daily_bars", interval) is None


def test_an_increment_after_a_long_pause_leaves_no_hole(tmp_path: Path, script_provider: Any) -> None:
    provider = script_provider(lambda *_: Kind.BARS)
    job = FetchJob.build(Settings(tmp_path), "scripted", ["BTCUSD"], "bars", "60min", lambda _: None, {})
    start = datetime.combine(datetime.now(UTC).date() - timedelta(days=20), time(), UTC)
    job.now = lambda: start
    job.fetch_increment("fetch", timedelta(days=1))
    known = read_final_until(job)
    provider.requests.clear()
    job.now = lambda: start + timedelta(days=12)
    job.fetch_increment("fetch", timedelta(days=1))
    assert provider.requests[0][1].first == known
    starts = sorted({datetime.fromisoformat(bar["bar_start"]) for bar in read_landed(tmp_path)})
    assert max(after - before for before, after in pairwise(starts)) == timedelta(hours=1)


def test_a_symbol_that_is_silent_is_not_requested_from_its_last_bar_for_ever(
    tmp_path: Path, script_provider: Any
) -> None:
    provider = script_provider(lambda *_: Kind.BARS)
    job = FetchJob.build(Settings(tmp_path), "scripted", ["BTCUSD"], "bars", "60min", lambda _: None, {})
    start = datetime.combine(datetime.now(UTC).date() - timedelta(days=20), time(), UTC)
    job.now = lambda: start
    job.fetch_increment("fetch", timedelta(days=1))
    provider.script = lambda *_: Kind.EMPTY
    job.now = lambda: start + timedelta(days=9)
    job.fetch_increment("fetch", timedelta(days=1))
    assert read_final_until(job) == start + timedelta(days=8)


def read_final_until(job: FetchJob) -> datetime:
    state = Progress.of(job.store, "live", "simulated", "bars", "60min").read()
    return datetime.fromisoformat(state["final_until"]["BTCUSD"])
