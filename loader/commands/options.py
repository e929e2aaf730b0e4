"""Options that commands share."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import wraps

import click

from loader import reference
from loader.jobs import FetchJob
from loader.providers import registry
from loader.settings import DATASETS, SINKS, Settings, read_settings
from tickerlake.cli import EXIT_CODES

Command = Callable[..., int]

DAY = date.fromisoformat
LEASE_SECONDS = 900


@dataclass(frozen=True, slots=True)
class CommonOptions:
    """What every command has: the settings, the form of its output, and the responses to archive."""

    settings: Settings
    is_json: bool
    archive_all: bool


@dataclass(frozen=True, slots=True)
class FetchOptions:
    """What commands have that make requests."""

    provider: str
    symbols: list[str] | None
    bar_interval: str
    dataset: str


def examples(*lines: str) -> str:
    """Return the epilog of a command: its examples and the exit codes."""
    return "\n".join(["\b", "Examples:", *(f"  python -m loader {line}" for line in lines), "", EXIT_CODES])


def common_options(command: Command) -> Command:
    """Add --lake, --sink, --json and --archive; the command gets them as `common`."""

    @click.option("--lake", help="folder of the lake (default: TICKERLAKE_LAKE, else lake/)")
    @click.option(
        "--sink", type=click.Choice(SINKS), help="destination of lines (default: TICKERLAKE_SINK, else folder)"
    )
    @click.option("--json", "is_json", is_flag=True, help="print the run's ledger record as JSON")
    @click.option(
        "--archive", type=click.Choice(["errors", "all"]), default="errors", help="which vendor responses to archive"
    )
    @wraps(command)
    def wrapped(lake: str | None, sink: str | None, is_json: bool, archive: str, **options: object) -> int:
        return command(common=CommonOptions(read_settings(lake, sink), is_json, archive == "all"), **options)

    return wrapped


def fetch_options(command: Command) -> Command:
    """Add --provider, --symbols, --interval and --dataset; the command gets them as `requested`."""

    @click.option(
        "--provider", required=True, metavar=f"[{'|'.join(registry.PROVIDERS)}]", help="vendor (yahoo needs no key)"
    )
    @click.option(
        "--symbols", type=parse_symbols, metavar="A,B", help="comma-separated (default: the curated universe)"
    )
    @click.option("--interval", default="1min", help="length of a bar (default: 1min)")
    @click.option("--dataset", type=click.Choice(DATASETS[:3]), default="bars", help="what to request (default: bars)")
    @wraps(command)
    def wrapped(provider: str, symbols: list[str] | None, interval: str, dataset: str, **options: object) -> int:
        return command(requested=FetchOptions(provider, symbols, interval, dataset), **options)

    return wrapped


def build_job(common: CommonOptions, requested: FetchOptions) -> FetchJob:
    """Return the job of a command's options; failures are logged to standard error. Raises UserError."""
    job = FetchJob.build(
        common.settings,
        requested.provider,
        requested.symbols or reference.universe(),
        requested.dataset,
        requested.bar_interval,
        lambda line: print(line, file=sys.stderr),
        os.environ,
    )
    job.archive_all = common.archive_all
    return job


def parse_symbols(text: str) -> list[str]:
    """Return the symbols of a comma-separated list."""
    return [symbol for symbol in text.split(",") if symbol]


def parse_moment(text: str) -> datetime:
    """Return a time in ISO 8601, in UTC when it has no offset."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def parse_part(text: str) -> tuple[int, int]:
    """Return `K/N` as its two numbers, 1 ≤ K ≤ N."""
    part, parts = (int(number) for number in text.split("/"))
    if not 1 <= part <= parts:
        raise ValueError(text)
    return part, parts


def parse_seconds(text: str) -> float:
    """Return seconds of `30s` or `30`, at most a day."""
    seconds = float(text.removesuffix("s"))
    if not 0 <= seconds <= 86_400:
        raise ValueError(text)
    return seconds
