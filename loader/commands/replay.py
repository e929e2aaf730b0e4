"""`replay`: land bars from files of a vendor's responses."""

import gzip
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import click

from loader.commands.options import CommonOptions, common_options, examples, parse_moment
from loader.commands.output import print_run
from loader.outcome import Outcome
from loader.providers import alphavantage, csv_file, yahoo
from loader.providers.label_check import detect_other_label, format_label_error
from loader.providers.parse_context import ParseContext
from loader.run import Run
from loader.sinks import factory
from tickerlake.errors import UserError

FORMATS: dict[str, tuple[str, Callable[[bytes, ParseContext], Outcome]]] = {
    "alphavantage_csv": ("alphavantage_adjusted", csv_file.parse),
    "alphavantage": ("alphavantage_adjusted", alphavantage.parse),
    "yahoo": ("yahoo", yahoo.parse),
    "yahoo_csv": ("yahoo", csv_file.parse),
}
"""The values of --provider: the default feed of the bars, and the parser."""


@click.command(
    short_help="land bars from files of a vendor's responses",
    epilog=examples(
        "replay TSLA.csv --provider alphavantage_csv",
        "replay old.csv.gz --provider alphavantage_csv --symbol TSLA --received-at 2020-12-01 --label end",
    ),
)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@common_options
@click.option("--provider", required=True, type=click.Choice(FORMATS), help="format of the files")
@click.option("--source", help="feed of the bars (default: by provider; see seeds/source.csv)")
@click.option("--symbol", help="symbol of the bars (default: from the file name)")
@click.option("--interval", "bar_interval", default="1min", help="length of a bar (default: 1min)")
@click.option("--label", help="start or end: what the time of a bar means (default: by source and date)")
@click.option("--timezone", help="zone of times without an offset (default: by source)")
@click.option("--received-at", type=parse_moment, metavar="TIME", help="time of receipt, ISO 8601 (default: now)")
@click.option("--trust-label", is_flag=True, help="land even if the volumes contradict the label")
def replay(
    common: CommonOptions,
    files: tuple[Path, ...],
    provider: str,
    source: str | None,
    symbol: str | None,
    bar_interval: str,
    label: str | None,
    timezone: str | None,
    received_at: datetime | None,
    trust_label: bool,
) -> int:
    """Land bars from files, plain or .gz, each named by its symbol.

    The time of a bar is read by the source's convention at the time of receipt; a file whose volumes contradict it is
    refused. To land a file twice is harmless.
    """
    now = datetime.now(UTC)
    received_at = received_at or now
    default_source, parse = FORMATS[provider]
    sink = factory.sink_from_settings(common.settings)
    run = Run(common.settings.lake, "replay", provider, now, common.archive_all, sink=sink)
    for path in files:
        context = ParseContext.build(
            source or default_source,
            symbol or _symbol_of(path),
            bar_interval,
            received_at.date(),
            label,
            timezone,
        )
        payload = _read(path)
        outcome = parse(payload, context)
        if outcome.is_failure:
            raise UserError(f"cannot read {path} as {provider}: {outcome.message}; nothing was landed")
        likely = None if trust_label else detect_other_label(outcome.bars, context)
        if likely:
            raise UserError(f"{path}: {format_label_error(context, likely)}; nothing was landed")
        run.add_response(outcome, payload, received_at)
    return print_run(run, run.finish(datetime.now(UTC)), common)


def _read(path: Path) -> bytes:
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if path.suffix == ".gz" else content
    except (OSError, EOFError) as error:
        raise UserError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from None


def _symbol_of(path: Path) -> str:
    stem = path.name.partition("_")[0].split(".csv")[0].split(".json")[0]
    match = re.match(r"[A-Z0-9.^=-]*[A-Z0-9]", stem)
    if not match:
        raise UserError(f"no symbol in the file name '{path.name}': pass --symbol")
    return match.group()
