"""`fetch`: request the last days from a vendor once."""

from datetime import timedelta

import click

from loader.commands.options import CommonOptions, FetchOptions, build_job, common_options, examples, fetch_options
from loader.commands.output import print_closed, print_run, print_unfetched
from loader.rules import Acceptance


@click.command(
    short_help="fetch the last days from a vendor",
    epilog=examples(
        "fetch --provider yahoo --symbols TSLA,NVDA",
        "fetch --provider alphavantage --symbols TSLA --dataset daily_bars --days 100",
        "fetch --provider yahoo --incremental --json",
    ),
)
@common_options
@fetch_options
@click.option("--days", type=click.IntRange(min=1), default=1, help="how many days back from now (default: 1)")
@click.option("--incremental", "is_incremental", is_flag=True, help="only what is missing or provisional")
def fetch(common: CommonOptions, requested: FetchOptions, days: int, is_incremental: bool) -> int:
    """Fetch the last days from a vendor.

    A throttled or broken request is retried; a symbol that the vendor does not serve is reported and skipped. With
    --incremental it begins at the first provisional bar.
    """
    job = build_job(common, requested)
    job.attempts = 1
    lookback = timedelta(days=days)
    result = job.fetch_increment("fetch", lookback) if is_incremental else job.fetch_range("fetch", lookback)
    if result is None:
        print_closed(common)
        return 0
    print_unfetched(result.report)
    acceptance = Acceptance()
    for dataset, lines in result.run.lines.items():
        acceptance.add_lines(dataset, lines)
    return print_run(result.run, result.ledger, common, acceptance=acceptance) or int(bool(result.report.missed))
