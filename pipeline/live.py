"""Live mode: one process that fetches, lands, builds, tests and publishes, round after round.

dbt is imported and the project parsed once; a round without news builds nothing. A failed test keeps the last release
published, and the rounds go on: `state/live.json` says since when the release is stale, and why.
"""

import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

from loader import reference
from loader.fetching import QUOTA_USED_UP
from loader.jobs import FetchJob
from loader.lease import lease
from loader.providers.simulate import SimulatedDelivery, simulate
from loader.run import Run
from loader.settings import read_settings
from loader.sinks.folder import FolderSink
from loader.store import write_atomically
from pipeline.build import BuildReport, build
from pipeline.dbt import Dbt
from pipeline.landed import Listing, list_folder
from pipeline.maintain import maintain
from tickerlake.errors import UserError

STATUS = "state/live.json"
_SHOWN_PROBLEMS = 3
_LOOKBACK = timedelta(days=1)
"""The first round asks a vendor for so much; later ones for what is missing."""
_LEASE_SECONDS = 900
_SIMULATED_SESSIONS, _MINUTES_PER_SESSION = 5, 960
_FIRST_DAY, _SEED = date(2024, 6, 5), 7

Feed = Callable[[], int]
"""Land what is new, and return the number of landed lines."""


@dataclass(frozen=True, slots=True)
class Round:
    """One round: lines that landed, seconds until they were published, and why they were not.

    `seconds` counts from the moment at which the lines had landed; 0 for a round that built nothing.
    """

    number: int
    ended_at: datetime
    landed: int
    built: str
    seconds: float
    problems: list[str]


@dataclass
class Live:
    """The rounds of a live mode over one lake.

    `build` builds and publishes what a selector names ("" for everything) and may raise UserError; `maintain` compacts
    files and expires versions, every `maintain_every` at most. Everything is built once a day and first of all.
    """

    lake: Path
    feed: Feed
    build: Callable[[str], BuildReport]
    maintain: Callable[[], object]
    maintain_every: timedelta = timedelta(minutes=30)
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    _built: Listing | None = None
    _whole_build: date | None = None
    _maintained_at: datetime | None = None
    _stale_since: datetime | None = None
    _count: int = 0

    def run_round(self) -> Round:
        """Land what is new, build it when something has landed, and record the round in `state/live.json`.

        A vendor or a build that fails is a problem of the round; it is tried again in the next one.
        """
        self._count += 1
        problems: list[str] = []
        landed = 0
        try:
            landed = self.feed()
        except UserError as error:
            problems.append(str(error))
        started, raw = time.monotonic(), _list_lines(self.lake / "raw")
        built = ""
        if raw != self._built or self._whole_build != self.now().date():
            built = "intraday" if self._whole_build == self.now().date() else "everything"
            failed = self._build(built)
            problems += failed
            if not failed:
                self._built = raw
        seconds = time.monotonic() - started if built else 0.0
        round_ = Round(self._count, self.now(), landed, built, round(seconds, 3), problems)
        self._record(round_)
        self._maintain_when_due()
        return round_

    def _build(self, built: str) -> list[str]:
        day = self.now().date()
        try:
            report = self.build("intraday" if built == "intraday" else "")
        except UserError as error:
            return [str(error)]
        if report.is_published and built == "everything":
            self._whole_build = day
        return report.problems

    def _record(self, round_: Round) -> None:
        if round_.problems:
            self._stale_since = self._stale_since or round_.ended_at
        elif round_.built:
            self._stale_since = None
        shown = [*round_.problems[:_SHOWN_PROBLEMS], *["…"][: len(round_.problems) > _SHOWN_PROBLEMS]]
        record = asdict(round_) | {
            "ended_at": _utc(round_.ended_at),
            "problems": shown,
            "stale_since": _utc(self._stale_since) if self._stale_since else None,
        }
        write_atomically(self.lake / STATUS, json.dumps(record).encode())

    def _maintain_when_due(self) -> None:
        if self._maintained_at is None:
            self._maintained_at = self.now()
        if self.now() - self._maintained_at >= self.maintain_every and self._whole_build:
            self.maintain()
            self._maintained_at = self.now()


def _list_lines(raw: Path) -> Listing:
    """List the raw zone without the ledgers of runs, which no model reads."""
    return {key: status for key, status in list_folder(raw).items() if not key.startswith("loader_runs/")}


def vendor_feed(job: FetchJob) -> Feed:
    """Return a feed of what a vendor has new: what is missing or provisional, while an exchange is open.

    Raises UserError when called and a symbol was not fetched; what was fetched has landed.
    """
    name = f"{job.provider.source}-{job.dataset}-{job.bar_interval}"

    def feed() -> int:
        with lease(job.store, name, str(os.getpid()), _LEASE_SECONDS):
            result = job.fetch_increment("live", _LOOKBACK)
        if result is None:
            return 0
        reasons = sorted({reason for _, _, reason in result.report.missed})
        if reasons:
            missed = ", ".join(sorted({symbol for symbol, _, _ in result.report.missed}))
            remedy = "; the rest follows tomorrow" if QUOTA_USED_UP in reasons else ""
            raise UserError(f"not fetched: {missed}: {'; '.join(reasons[:_SHOWN_PROBLEMS])}{remedy}")
        return result.run.sent

    return feed


def simulated_feed(
    lake: Path, deliveries: Iterator[SimulatedDelivery], speed: float, clock: Callable[[], float] = time.monotonic
) -> Feed:
    """Return a feed that lands generated deliveries, one for each minute; `speed` minutes pass in a minute."""
    started, landed = clock(), 0

    def feed() -> int:
        nonlocal landed
        due = int((clock() - started) * speed / 60) + 1
        count = 0
        while landed < due and (delivery := next(deliveries, None)) is not None:
            run = Run(lake, "live", "simulate", datetime.now(UTC), run_id=delivery.run_id, sink=FolderSink(lake))
            for dataset, lines in (
                ("bars", delivery.lines),
                ("daily_bars", delivery.days),
                ("corporate_actions", delivery.actions),
            ):
                if lines:
                    run.add_lines(lines, dataset)
            run.finish(datetime.now(UTC))
            landed += 1
            count += run.sent
        return count

    return feed


def render_round(round_: Round) -> str:
    """Return a round in one line."""
    at = f"{round_.ended_at:%H:%M:%S}"
    if round_.problems:
        return f"{at} {round_.landed:,} lines landed, not published: {round_.problems[0]}"
    if not round_.built:
        return f"{at} no news"
    return f"{at} {round_.landed:,} lines landed, published after {round_.seconds:.1f} s"


def _utc(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def run_live(
    folder: Path,
    target: str | None,
    provider: str,
    *,
    symbols: str | None,
    every: float,
    speed: float,
    rounds: int | None,
    port: int | None,
) -> Iterator[Round]:
    """Run rounds until interrupted (or `rounds` of them), `every` seconds from begin to begin, and yield each.

    With a port the page and the API are served there by a process of their own, which ends with this one.

    Raises UserError for an unknown provider, symbols that cannot be, a missing key, a target on Athena.
    """
    dbt = Dbt(target, options=["--no-write-json"])
    if dbt.adapter() != "duckdb":
        raise UserError(f"live mode is for one machine: target '{target}' is on Athena; its schedule builds every hour")
    feed = _make_feed(folder, provider, symbols, speed)
    live = Live(folder, feed, lambda selector: build(dbt, selector=selector), lambda: [*maintain(dbt)])
    with _serving(folder, port):
        for number in itertools.count(1):
            began = time.monotonic()
            yield live.run_round()
            if number == rounds:
                return
            time.sleep(max(0.0, began + every - time.monotonic()))


def _make_feed(folder: Path, provider: str, symbols: str | None, speed: float) -> Feed:
    names = [symbol for symbol in (symbols or "").split(",") if symbol] or reference.universe()
    if provider == "simulate":
        minutes = _SIMULATED_SESSIONS * _MINUTES_PER_SESSION
        deliveries = simulate(names, _FIRST_DAY, _SIMULATED_SESSIONS, _SEED, parts=minutes)
        return simulated_feed(folder, iter(deliveries), speed)
    job = FetchJob.build(
        read_settings(str(folder), "folder"),
        provider,
        names,
        "bars",
        "1min",
        partial(print, file=sys.stderr),
        os.environ,
    )
    job.attempts = 1  # the next round is the next attempt
    return vendor_feed(job)


@contextmanager
def _serving(folder: Path, port: int | None) -> Iterator[None]:
    if port is None:
        yield
        return
    command = [sys.executable, "-m", "serving.api", "--lake", str(folder), "--port", str(port)]
    with subprocess.Popen(command) as server:
        try:
            yield
        finally:
            server.terminate()
