"""Live mode: one process that fetches, lands, builds, tests and publishes, round after round.

dbt is imported and the project parsed once; a round without news builds nothing. A failed test keeps the last release
published, and the rounds go on: `state/live.json` says since when the release is stale, and why.
"""

import itertools
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from loader import reference
from loader.commands.options import CommonOptions, FetchOptions, build_job
from loader.commands.simulate import FIRST_DAY, SEED, land_delivery
from loader.commands.watch import poll
from loader.fetching import QUOTA_USED_UP
from loader.jobs import FetchJob
from loader.providers.simulate import SimulatedDelivery, simulate
from loader.record import utc_text
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
"""The first round requests so much of a vendor; later ones what is missing."""
_SIMULATED_SESSIONS, _MINUTES_PER_SESSION = 5, 960

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
    _stale_since: str | None = None
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
        started, raw, today = time.monotonic(), _list_lines(self.lake / "raw"), self.now().date()
        is_whole = self._whole_build != today
        built = "everything" if is_whole else "intraday" if raw != self._built else ""
        if built:
            failures = self._build("" if is_whole else "intraday")
            problems += failures
            if not failures:
                self._built, self._whole_build = raw, today
        seconds = time.monotonic() - started if built else 0.0
        ended_at = self.now().replace(microsecond=0)
        round_ = Round(self._count, ended_at, landed, built, round(seconds, 3), problems)
        self._record(round_)
        self._maintain_when_due()
        return round_

    def _build(self, selector: str) -> list[str]:
        try:
            return self.build(selector).problems
        except UserError as error:
            return [str(error)]

    def _record(self, round_: Round) -> None:
        ended_at = utc_text(round_.ended_at)
        if round_.problems:
            self._stale_since = self._stale_since or ended_at
        elif round_.built:
            self._stale_since = None
        shown = [*round_.problems[:_SHOWN_PROBLEMS], *["…"][: len(round_.problems) > _SHOWN_PROBLEMS]]
        record = asdict(round_) | {"ended_at": ended_at, "problems": shown, "stale_since": self._stale_since}
        write_atomically(self.lake / STATUS, json.dumps(record).encode())

    def _maintain_when_due(self) -> None:
        self._maintained_at = self._maintained_at or self.now()
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

    def feed() -> int:
        result = poll(job, "live", _LOOKBACK)
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
    """Return a feed that lands generated deliveries, one for each minute of `speed` simulated minutes a minute."""
    started, landed = clock(), 0

    def feed() -> int:
        nonlocal landed
        due = int((clock() - started) * speed / 60) + 1
        count = 0
        while landed < due and (delivery := next(deliveries, None)) is not None:
            run, _ = land_delivery(lake, "live", delivery, FolderSink(lake))
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


def run_rounds(live: Live, every: float, limit: int | None) -> Iterator[Round]:
    """Run rounds until interrupted, at most `limit` of them, `every` seconds from begin to begin, and yield each."""
    for number in itertools.count(1):
        began = time.monotonic()
        yield live.run_round()
        if number == limit:
            return
        time.sleep(max(0.0, began + every - time.monotonic()))


def build_live(folder: Path, target: str | None, feed: Feed) -> Live:
    """Return the rounds over a lake, with one dbt for all of them. Raises UserError for a target on Athena."""
    dbt = Dbt(target, options=["--no-write-json"])
    if dbt.adapter() != "duckdb":
        raise UserError(f"live mode is for one machine: target '{target}' is on Athena; its schedule builds every hour")
    return Live(folder, feed, lambda selector: build(dbt, selector=selector), lambda: [*maintain(dbt)])


def make_feed(folder: Path, provider: str, symbols: list[str] | None, speed: float) -> Feed:
    """Return the feed of a vendor, or of `simulate`, at `speed`; without symbols, of the curated universe.

    Raises UserError for an unknown provider, symbols that cannot be, a missing key.
    """
    if provider == "simulate":
        minutes = _SIMULATED_SESSIONS * _MINUTES_PER_SESSION
        names = symbols or reference.universe()
        deliveries = simulate(names, FIRST_DAY, _SIMULATED_SESSIONS, SEED, parts=minutes)
        return simulated_feed(folder, iter(deliveries), speed)
    common = CommonOptions(read_settings(str(folder), "folder"), is_json=False, archive_all=False)
    job = build_job(common, FetchOptions(provider, symbols, "1min", "bars"))
    job.attempts = 1  # the next round is the next attempt
    return vendor_feed(job)


@contextmanager
def serve(folder: Path, port: int | None) -> Iterator[None]:
    """Serve the page and the API of a lake on a port, in a process that ends with the block; nothing without a port."""
    if port is None:
        yield
        return
    command = [sys.executable, "-m", "serving.api", "--lake", str(folder), "--port", str(port)]
    with subprocess.Popen(command) as server:
        try:
            yield
        finally:
            server.terminate()
