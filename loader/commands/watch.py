"""`watch`: poll a vendor while the exchanges are open."""

import os
from datetime import timedelta
from time import sleep

import click

from loader.commands.options import (
    LEASE_SECONDS,
    CommonOptions,
    FetchOptions,
    build_job,
    common_options,
    examples,
    fetch_options,
    parse_seconds,
)
from loader.commands.output import print_closed, print_run, print_unfetched
from loader.jobs import FetchJob, FetchResult
from loader.lease import lease


@click.command(
    short_help="poll while the exchanges are open",
    epilog=examples(
        "watch --provider yahoo --symbols TSLA,BTCUSD --every 30s",
        "watch --provider yahoo --rounds 1 --json",
    ),
)
@common_options
@fetch_options
@click.option("--every", type=parse_seconds, default="60s", metavar="30s", help="pause between polls (default: 60s)")
@click.option("--days", type=click.IntRange(min=1), default=1, help="lookback of the first poll (default: 1)")
@click.option("--rounds", type=int, default=0, help="stop after so many polls (default: never)")
def watch(common: CommonOptions, requested: FetchOptions, every: float, days: int, rounds: int) -> int:
    """Poll a vendor while the exchanges are open.

    Each poll is a run: it begins at the first provisional bar, and skips symbols whose exchange is closed. Ctrl-C
    ends it.
    """
    job = build_job(common, requested)
    polls = 0
    while not rounds or polls < rounds:
        polls += 1
        result = poll(job, "watch", timedelta(days=days))
        if result:
            print_unfetched(result.report)
            print_run(result.run, result.ledger, common)
        else:
            print_closed(common)
        if not rounds or polls < rounds:
            sleep(every)
    return 0


def poll(job: FetchJob, command: str, lookback: timedelta) -> FetchResult | None:
    """Fetch what is missing or provisional as `FetchJob.fetch_increment`, while no other process polls the same series.

    Raises LeaseHeldError when another one does.
    """
    name = f"{job.provider.source}-{job.dataset}-{job.bar_interval}"
    with lease(job.store, name, str(os.getpid()), LEASE_SECONDS):
        return job.fetch_increment(command, lookback)
