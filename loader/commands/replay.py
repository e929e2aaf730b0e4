"""`replay`: land bars from files of a vendor's responses."""

import gzip
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import click

from loader import reference
from loader.commands.options import CommonOptions, common_options, examples, parse_moment
from loader.commands.output import print_run
from loader.outcome import Outcome
from loader.providers import alphavantage, csv_file, yahoo
from loader.providers.file_check import detect_interval, find_interval_error, find_zone_error, interval_name
from loader.providers.label_check import detect_other_label, format_label_error
from loader.providers.parse_context import ParseContext
from loader.record import Bar
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

_SYMBOL = re.compile(r"(?=.*[A-Z])[A-Z0-9^][A-Z0-9.^=-]{0,30}[A-Z0-9]|[A-Z]")
_SUFFIX = re.compile(
    r"(?P<symbol>.+?)[_ -](?:1m|5m|15m|30m|60m|1h|1min|5min|15min|30min|60min|intraday|yahoo|yf|alphavantage|av"
    r"|rapidapi|utc|gmt|est|edt|ist|cet|jst)(?![A-Za-z0-9]).*"
)
_CHART_EXPORT = re.compile(r"[A-Z]+_(?P<symbol>.+), ?[0-9A-Z]+")
_PAIR = re.compile(r"(?P<symbol>[A-Z]{6,7})_.*")
_EXTENSIONS = re.compile(r"(\.(csv|json|txt|gz))+$")


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
@click.option("--source", help="feed of the bars, with its price basis (seeds/source.csv; default: by provider)")
@click.option("--symbol", help="symbol of the bars (default: the symbol column, else the file name)")
@click.option("--interval", "bar_interval", help="length of a bar (default: as a CSV's bars are spaced, else 1min)")
@click.option("--label", help="start or end: what the time of a bar means (default: by source and date)")
@click.option("--timezone", help="zone of times without an offset (default: by source)")
@click.option("--received-at", type=parse_moment, metavar="TIME", help="time of receipt, ISO 8601 (default: now)")
@click.option(
    "--trust",
    "--trust-label",
    "is_trusted",
    is_flag=True,
    help="land even if the bars contradict the interval, the time zone or the label",
)
def replay(
    common: CommonOptions,
    files: tuple[Path, ...],
    provider: str,
    source: str | None,
    symbol: str | None,
    bar_interval: str | None,
    label: str | None,
    timezone: str | None,
    received_at: datetime | None,
    is_trusted: bool,
) -> int:
    """Land bars from files, plain or .gz.

    The symbol is --symbol, else the file's symbol column, else the file's name: SYMBOL.csv, SYMBOL_SUFFIX.csv where
    the suffix begins with an interval (1min), a vendor (yahoo) or a zone (utc), or with anything after a listed
    currency pair (BTCUSD_fall.csv), or EXCHANGE_SYMBOL, INTERVAL.csv. Any other name needs --symbol.

    The time of a bar is read by the source's convention at the time of receipt. A file whose bars contradict the
    interval, the time zone or the label is refused. For alphavantage_csv, a file that is not newest first is not Alpha
    Vantage's own and does not say its price basis: pass --source. To land a file twice is harmless.
    """
    now = datetime.now(UTC)
    received_at = received_at or now
    default_source, parse = FORMATS[provider]
    sink = factory.sink_from_settings(common.settings)
    run = Run(common.settings.lake, "replay", provider, now, common.archive_all, sink=sink)
    for path in files:
        payload = _read(path)
        has_column = parse is csv_file.parse and csv_file.has_symbol_column(payload)
        name = reference.resolve_symbol(symbol) if symbol else "" if has_column else _symbol_of(path)
        feed = source or default_source
        context = ParseContext.build(feed, name, bar_interval or "1min", received_at.date(), label, timezone)
        outcome = parse(payload, context)
        detected = None if bar_interval or parse is not csv_file.parse else detect_interval(outcome.bars)
        fitting = interval_name(detected) if detected else None
        if fitting and fitting != context.bar_interval:
            context = replace(context, bar_interval=fitting)
            outcome = parse(payload, context)
        if outcome.is_failure:
            raise UserError(f"cannot read {path} as {provider}: {outcome.message}; nothing was landed")
        problem = None if is_trusted else _find_contradiction(outcome.bars, context)
        if not (problem or source) and provider == "alphavantage_csv":
            problem = _find_unknown_basis(outcome.bars)
        if problem:
            raise UserError(f"{path}: {problem}; nothing was landed")
        run.add_response(outcome, payload, received_at)
    return print_run(run, run.finish(datetime.now(UTC)), common)


def _find_contradiction(bars: Sequence[Bar], context: ParseContext) -> str | None:
    """Return what the bars contradict: the interval, the time zone or the label; None when they agree with all."""
    problem = find_interval_error(bars, context.bar_interval)
    symbols = dict.fromkeys(bar.symbol for bar in bars)
    for symbol in symbols:
        own, context_of_symbol = [bar for bar in bars if bar.symbol == symbol], context.of_symbol(symbol)
        problem = problem or find_zone_error(own, context_of_symbol)
        likely = None if problem else detect_other_label(own, context_of_symbol)
        problem = format_label_error(context, likely) if likely else problem
    return problem


def _find_unknown_basis(bars: Sequence[Bar]) -> str | None:
    """Return that the price basis of a CSV is unknown, unless it is Alpha Vantage's (newest first) or needs none.

    Currencies have no splits and no dividends: their prices are the same on every basis.
    """
    starts = [bar.bar_start for bar in bars if bar.bar_start]
    needs_basis = any(
        reference.get_instrument(symbol).asset_class not in ("crypto", "forex") for symbol in {b.symbol for b in bars}
    )
    if not needs_basis or len(starts) < 2 or starts[0] > starts[-1]:
        return None
    return (
        "the file does not say its price basis, and it is not newest first as Alpha Vantage's are: pass "
        "--source alphavantage (raw), alphavantage_adjusted (split- and dividend-adjusted) or yahoo (split-adjusted)"
    )


def _read(path: Path) -> bytes:
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if path.suffix == ".gz" else content
    except (OSError, EOFError) as error:
        raise UserError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from None


def _symbol_of(path: Path) -> str:
    stem = _EXTENSIONS.sub("", path.name)
    match = _CHART_EXPORT.fullmatch(stem) or _SUFFIX.fullmatch(stem) or _PAIR.fullmatch(stem)
    symbol = match["symbol"] if match else stem
    is_pair = reference.get_instrument(symbol).asset_class in ("crypto", "forex")
    if not _SYMBOL.fullmatch(symbol) or (match and match.re is _PAIR and not is_pair):
        raise UserError(f"no symbol in the file name '{path.name}': pass --symbol")
    return reference.resolve_symbol(symbol)
