"""The commands that ask vendors (fetch, backfill, watch), send dead letters again, and look around (doctor)."""

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from time import sleep

from loader import doctor, reference, settings, store
from loader.fetching import QUOTA_USED_UP, Report, check
from loader.jobs import Job
from loader.lease import lease
from loader.providers.base import Ask
from loader.record import utc_text
from loader.run import Run
from loader.sinks import choose, dead_letters
from tickerlake.errors import UserError

Tell = Callable[[Run, dict[str, object], argparse.Namespace], int]
"""Prints a finished run; returns the exit code."""

_LEASE_SECONDS = 900


def fetch(options: argparse.Namespace, tell: Tell) -> int:
    """Fetch the last days once; with `--incremental`, only what is missing or provisional."""
    job = _job(options)
    job.attempts = 1
    if options.incremental:
        made = job.increment("fetch", timedelta(days=options.days))
        if made is None:
            return _closed(options)
        run, report, ledger = made
    else:
        now = job.now()
        ask = Ask(options.dataset, now - timedelta(days=options.days), now)
        asks = [(symbol, piece) for symbol in job.symbols for piece in job.provider.plan(ask, options.interval)]
        run, report, ledger = job.ask("fetch", asks)
    _say_unfetched(report)
    return tell(run, ledger, options) or int(bool(report.missed))


def backfill(options: argparse.Namespace) -> int:
    """Fetch a range of days, resuming where an earlier call with the same range stopped."""
    job = _job(options)
    first = datetime.combine(options.first, time(), UTC)
    until = datetime.combine(options.until, time(), UTC) + timedelta(days=1)
    if first >= until:
        raise UserError(f"--from {options.first} lies after --to {options.until}")
    left, before = job.remaining(first, until)
    if options.dry_run:
        for symbol, ask in left:
            print(f"{symbol} {ask.dataset} {utc_text(ask.first)} {utc_text(ask.until)}")
        allowed = job.quota.left_today()
        grant = "no daily limit" if allowed is None else f"{allowed} allowed today"
        print(f"{len(left)} requests to make, {before} done before, {grant}")
        return 0
    bar = ProgressBar(not options.json)
    with lease(job.store, f"backfill-{job.provider.source}", str(os.getpid()), _LEASE_SECONDS) as renew:

        def heard(done: int, total: int) -> None:
            renew()
            bar.show(done, total)

        done, missed, landed = job.backfill(first, until, heard)
    bar.end()
    if options.json:
        print(json.dumps({"requests": len(left), "done": done, "missed": len(missed), "landed": landed}))
    else:
        print(f"landed {landed:,} lines; {done} of {len(left)} requests done, {before} done before")
    for why, count in Counter(why for _, _, why in missed).items():
        print(f"missed {count}: {why}; the same command resumes", file=sys.stderr)
    return int(bool(missed))


def watch(options: argparse.Namespace, tell: Tell) -> int:
    """Poll while the exchanges are open; each poll is an increment and a run of its own."""
    job = _job(options)
    rounds = 0
    while not options.rounds or rounds < options.rounds:
        rounds += 1
        name = f"{job.provider.source}-{options.dataset}-{options.interval}"
        with lease(job.store, name, str(os.getpid()), _LEASE_SECONDS):
            made = job.increment("watch", timedelta(days=options.days))
        if made:
            run, report, ledger = made
            _say_unfetched(report)
            tell(run, ledger, options)
        else:
            _closed(options)
        if not options.rounds or rounds < options.rounds:
            sleep(options.every)
    return 0


def examine(options: argparse.Namespace) -> int:
    """Print what `doctor` finds. Returns 1 when something is broken."""
    found = list(doctor.examine(settings.read(options.lake, options.sink), os.environ))
    if options.json:
        print(json.dumps([dict(zip(("what", "state", "detail"), line, strict=True)) for line in found]))
    else:
        for what, state, detail in found:
            print(f"{state:8} {what:22} {detail}")
    return int(any(state == "broken" for _, state, _ in found))


def resend(options: argparse.Namespace) -> int:
    """Send the dead letters again. Returns 1 when some could still not be delivered."""
    configured = settings.read(options.lake, options.sink)
    kept = store.choose(configured.lake)
    with lease(kept, "dead-letters", str(os.getpid()), _LEASE_SECONDS):
        confirmed, dead = dead_letters.resend(kept, choose.sink(configured), datetime.now(UTC))
    if options.json:
        print(json.dumps({"confirmed": confirmed, "dead_lettered": len(dead)}))
    else:
        print(f"landed {confirmed:,} dead letters, {len(dead):,} left")
    for why, count in Counter(item.reason for item in dead).items():
        print(f"{count:,} lines not delivered: {why}", file=sys.stderr)
    return int(bool(dead))


def _closed(options: argparse.Namespace) -> int:
    print(json.dumps({"skipped": "closed"}) if options.json else "closed: no exchange of these symbols was open")
    return 0


def _say_unfetched(report: Report) -> None:
    for symbol, _, why in report.missed:
        if why == QUOTA_USED_UP:
            print(f"{symbol}: not fetched: {why}", file=sys.stderr)


def _job(options: argparse.Namespace) -> Job:
    configured = settings.read(options.lake, options.sink)
    symbols = options.symbols or reference.universe()
    job = Job.build(
        options.provider,
        symbols,
        options.dataset,
        options.interval,
        configured.lake,
        choose.sink(configured),
        store.choose(configured.lake),
        lambda text: print(text, file=sys.stderr),
        os.environ,
    )
    check(options.interval, job.provider.source, symbols)
    job.archive_all = options.archive == "all"
    return job


class ProgressBar:
    """A bar on standard error, when that is a terminal."""

    def __init__(self, wanted: bool) -> None:
        self._shown = wanted and sys.stderr.isatty()

    def show(self, done: int, total: int) -> None:
        """Redraw the bar."""
        if self._shown:
            filled = 30 * done // max(1, total)
            print(f"\r[{'#' * filled}{'.' * (30 - filled)}] {done}/{total} requests", end="", file=sys.stderr)

    def end(self) -> None:
        """Leave the bar's line."""
        if self._shown:
            print(file=sys.stderr)
