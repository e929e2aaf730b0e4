"""`backfill`: fetch a range of days, and resume where an earlier call with the same range stopped."""

import json
import os
import sys
from datetime import UTC, date, datetime, time, timedelta

import click

from loader.commands.options import (
    DAY,
    LEASE_SECONDS,
    CommonOptions,
    FetchOptions,
    build_job,
    common_options,
    examples,
    fetch_options,
)
from loader.commands.output import count_reasons
from loader.fetching import is_refusal
from loader.jobs import FetchJob
from loader.lease import lease
from loader.record import utc_text
from tickerlake.errors import UserError


@click.command(
    short_help="fetch a range of days; resumes by itself",
    epilog=examples(
        "backfill --provider yahoo --symbols TSLA --from 2026-11-02 --to 2026-11-20 --dry-run",
        "backfill --provider alphavantage --symbols TSLA,NVDA --from 2026-08-01 --to 2026-11-20",
    ),
)
@common_options
@fetch_options
@click.option("--from", "first", type=DAY, required=True, metavar="DAY", help="first day, UTC")
@click.option("--to", "last", type=DAY, required=True, metavar="DAY", help="last day, UTC")
@click.option("--dry-run", "is_dry_run", is_flag=True, help="print the requests and make none")
@click.option("--again", "is_again", is_flag=True, help="make requests again that are done, such as after a split")
def backfill(
    common: CommonOptions, requested: FetchOptions, first: date, last: date, is_dry_run: bool, is_again: bool
) -> int:
    """Fetch a range of days.

    Newest first; every ten requests land as a run of their own and are recorded in state/backfill. After a kill, a
    Ctrl-C or a spent quota the same command (without --again) makes only the remaining requests. A refused request
    does not stop the others of its symbol.
    """
    job = build_job(common, requested)
    start = datetime.combine(first, time(), UTC)
    until = datetime.combine(last, time(), UTC) + timedelta(days=1)
    if start >= until:
        raise UserError(f"--from {first} lies after --to {last}: exchange them")
    _, unserved = job.split_served(start)
    if unserved:
        print(unserved, file=sys.stderr)
    if is_dry_run:
        return _print_plan(job, start, until, is_again)
    if is_again:
        job.forget_done(start, until)
    remaining, done_before = job.remaining(start, until)
    bar = ProgressBar(is_enabled=not common.is_json)
    with lease(job.store, f"backfill-{job.provider.source}", str(os.getpid()), LEASE_SECONDS) as renew:

        def on_progress(done: int, total: int) -> None:
            renew()
            bar.show(done, total)

        done, missed, landed = job.backfill(start, until, on_progress)
    bar.end()
    if common.is_json:
        print(json.dumps({"requests": len(remaining), "done": done, "missed": len(missed), "landed": landed}))
    else:
        print(f"landed {landed:,} lines; {done} of {len(remaining)} requests done, {done_before} done before")
    for reason, count in count_reasons([reason for _, _, reason in missed]):
        remedy = "the vendor will not serve this" if is_refusal(reason) else "the same command resumes"
        spans = [request for _, request, missed_reason in missed if missed_reason == reason]
        span = f"{min(at.first for at in spans):%Y-%m-%d} to {max(at.until for at in spans):%Y-%m-%d}"
        print(f"missed {count}: {reason}; {remedy} ({span})", file=sys.stderr)
    return int(bool(missed or unserved))


def _print_plan(job: FetchJob, first: datetime, until: datetime, is_again: bool) -> int:
    remaining, done_before = job.remaining(first, until, again=is_again)
    for symbol, request in remaining:
        print(f"{symbol} {request.dataset} {utc_text(request.first)} {utc_text(request.until)}")
    allowed = job.quota.remaining_today()
    limit = "no daily limit" if allowed is None else f"{allowed} allowed today"
    print(f"{len(remaining)} requests to make, {done_before} done before, {limit}")
    return 0


class ProgressBar:
    """A bar on standard error, when that is a terminal."""

    def __init__(self, *, is_enabled: bool) -> None:
        self._is_shown = is_enabled and sys.stderr.isatty()

    def show(self, done: int, total: int) -> None:
        """Redraw the bar."""
        if self._is_shown:
            filled = 30 * done // max(1, total)
            print(f"\r[{'#' * filled}{'.' * (30 - filled)}] {done}/{total} requests", end="", file=sys.stderr)

    def end(self) -> None:
        """End the bar's line."""
        if self._is_shown:
            print(file=sys.stderr)
