"""Live mode: rounds over fakes of the feed and the build, and real rounds that equal a full refresh."""

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import Path

import pytest

from loader.providers.simulate import simulate
from pipeline.build import BuildReport, build
from pipeline.dbt import Dbt
from pipeline.live import STATUS, Live, render_round, simulated_feed
from testkit.lake import MARTS, RESAMPLED, Lake, assert_equal_marts, public_marts
from tickerlake.errors import UserError


@dataclass
class Fakes:
    """A feed, a build and maintenance that do what a test says; `calls` are the builds and "maintain", in order."""

    lake: Path
    problems: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    news: bool = True
    failure: str = ""
    clock: datetime = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)

    def feed(self) -> int:
        folder = self.lake / "raw/loader_runs"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{len(list(folder.iterdir()))}").write_text("ledger")
        if self.failure == "vendor":
            raise UserError("not fetched: TSLA: TRANSPORT: connection reset")
        if not self.news:
            return 0
        folder = self.lake / "raw/bars"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{len(list(folder.iterdir()))}").write_text("line")
        return 1

    def build(self, selector: str) -> BuildReport:
        self.calls.append(selector or "everything")
        if self.failure == "build":
            raise UserError("the lake's catalogue is in use")
        return BuildReport(1, 1, 0, 0.0, self.problems)

    def live(self) -> Live:
        maintain = partial(self.calls.append, "maintain")
        return Live(self.lake, self.feed, self.build, maintain, timedelta(minutes=30), lambda: self.clock)

    def status(self) -> dict[str, object]:
        status: dict[str, object] = json.loads((self.lake / STATUS).read_text())
        return status


@pytest.fixture
def fakes(tmp_path: Path) -> Fakes:
    return Fakes(tmp_path)


def test_everything_is_built_first_and_once_a_day_and_bars_in_between(fakes: Fakes) -> None:
    live = fakes.live()
    for _ in range(3):
        live.run_round()
    assert fakes.calls == ["everything", "intraday", "intraday"]
    fakes.clock += timedelta(days=1)
    live.run_round()
    assert fakes.calls[3] == "everything"


def test_a_round_without_news_builds_nothing_though_the_loader_writes_its_ledger(fakes: Fakes) -> None:
    live = fakes.live()
    live.run_round()
    fakes.news = False
    round_ = live.run_round()
    assert fakes.calls == ["everything"]
    assert (round_.built, round_.seconds, render_round(round_)) == ("", 0.0, "15:00:00 no news")


def test_a_failed_test_makes_the_release_stale_until_a_build_passes(fakes: Fakes) -> None:
    live = fakes.live()
    live.run_round()
    assert fakes.status()["stale_since"] is None
    fakes.problems = [f"test {number}" for number in range(5)]
    live.run_round()
    fakes.clock += timedelta(minutes=1)
    fakes.news = False
    live.run_round()  # tried again without news
    assert fakes.calls == ["everything", "intraday", "intraday"]
    assert fakes.status()["stale_since"] == "2026-03-02T15:00:00Z"
    assert fakes.status()["problems"] == ["test 0", "test 1", "test 2", "…"]
    fakes.problems = []
    live.run_round()
    assert fakes.status()["stale_since"] is None


@pytest.mark.parametrize("failure", ["vendor", "build"])
def test_a_vendor_or_a_build_that_fails_is_reported_and_tried_again(fakes: Fakes, failure: str) -> None:
    live = fakes.live()
    live.run_round()
    fakes.failure = failure
    round_ = live.run_round()
    assert "not published" in render_round(round_)
    assert fakes.status()["stale_since"] == "2026-03-02T15:00:00Z"
    fakes.failure = ""
    assert not live.run_round().problems


def test_tables_are_maintained_when_it_is_due(fakes: Fakes) -> None:
    live = fakes.live()
    for _ in range(4):
        live.run_round()
        fakes.clock += timedelta(minutes=16)
    assert fakes.calls == ["everything", "intraday", "intraday", "maintain", "intraday"]


def test_simulated_minutes_pass_at_the_speed_that_was_chosen(tmp_path: Path) -> None:
    now = [0.0]
    parts = simulate(["TSLA"], date(2024, 6, 5), 1, 7, parts=100)
    feed = simulated_feed(tmp_path, iter(parts[:10]), 60, lambda: now[0])
    landed = [feed()]
    for now[0] in (0.5, 1.0, 4.2, 60.0, 61.0):
        landed.append(feed())
    lines = [len(part.lines) for part in parts]
    assert landed == [lines[0], 0, lines[1], sum(lines[2:5]), sum(lines[5:10]), 0]


@pytest.mark.slow
def test_rounds_equal_a_full_refresh_and_lose_nothing(lake: Lake, tmp_path: Path) -> None:
    lake = replace(lake, options=RESAMPLED)
    dbt = Dbt("local", options=["--target-path", str(tmp_path / "target"), "--no-write-json", *RESAMPLED])
    deliveries = islice(simulate(["TSLA", "VOO"], date(2024, 6, 5), 1, 7, parts=12), 4)
    clock = iter([0.0, *map(float, range(6))])
    feed = simulated_feed(lake.folder, deliveries, 60, lambda: next(clock))
    live = Live(lake.folder, feed, lambda selector: build(dbt, selector=selector), lambda: None)
    rounds = [live.run_round() for _ in range(5)]
    assert [(r.built, r.problems) for r in rounds] == [("everything", []), *[("intraday", [])] * 3, ("", [])]
    bars = {mart: key for mart, key in public_marts(views=False).items() if mart.split(".")[1] in MARTS}
    assert_equal_marts(lake, lake.refreshed(), bars)
    minutes = "select count(*) from fct_bar where bar_interval = '1min'"
    assert lake.query(minutes) == [(sum(r.landed for r in rounds),)]
