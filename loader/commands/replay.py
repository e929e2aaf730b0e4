"""`replay`: land bars, daily bars and corporate actions from files."""

import gzip
import re
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

import click

from loader import reference
from loader.commands.options import CommonOptions, common_options, examples, parse_moment
from loader.commands.output import print_run
from loader.landing import Claims, FileLanding, find_contradiction, find_weekly_days
from loader.outcome import Kind, Outcome
from loader.providers import alphavantage, description, yahoo
from loader.providers.description import DATASETS, Description
from loader.providers.file_rows import find_compression
from loader.providers.parse_context import ParseContext
from loader.rules import Acceptance
from loader.run import Run
from loader.sinks import factory
from tickerlake.errors import UserError

_Parser = Callable[[bytes, ParseContext], Outcome]
RESPONSES: dict[str, tuple[str, dict[str, tuple[_Parser, ...]]]] = {
    "alphavantage": (
        "alphavantage_adjusted",
        {
            "bars": (alphavantage.parse,),
            "daily_bars": (alphavantage.parse_daily,),
            "corporate_actions": (alphavantage.parse_actions, alphavantage.parse_daily),
        },
    ),
    "yahoo": (
        "yahoo",
        {"bars": (yahoo.parse,), "daily_bars": (yahoo.parse_daily,), "corporate_actions": (yahoo.parse_daily,)},
    ),
}
"""The JSON responses of vendors with a parser of their own: the default feed, and the parsers by dataset."""

_SYMBOL = re.compile(r"(?=.*[A-Z])[A-Z0-9^][A-Z0-9.^=-]{0,30}[A-Z0-9]|[A-Z]")
_SUFFIX = re.compile(
    r"(?P<symbol>.+?)[_ -](?:1m|5m|15m|30m|60m|1h|1min|5min|15min|30min|60min|1d|daily|intraday|yahoo|yf"
    r"|alphavantage|av|rapidapi|utc|gmt|est|edt|ist|cet|jst)(?![A-Za-z0-9]).*"
)
_CHART_EXPORT = re.compile(r"[A-Z]+_(?P<symbol>.+), ?[0-9A-Z]+")
_PAIR = re.compile(r"(?P<symbol>[A-Z]{6,7})_.*")
_SUFFIXES = (".csv", ".json", ".jsonl", ".ndjson", ".txt", ".parquet", ".gz", ".zip", ".zst")
_EXTENSIONS = re.compile(rf"({'|'.join(map(re.escape, _SUFFIXES))})+$")
_LARGEST_RESPONSE = 64 * 1024 * 1024


def _known_provider(_: click.Context, __: click.Parameter, name: str) -> str:
    if name not in (*RESPONSES, *description.names()) and not name.endswith((".yml", ".yaml", ".json")):
        known = ", ".join([*RESPONSES, *description.names()])
        raise click.BadParameter(f"unknown format '{name}': choose one of {known}, or a description such as mine.yml")
    return name


@click.command(
    short_help="land bars, daily bars and corporate actions from files",
    epilog=examples(
        "replay TSLA.csv --provider alphavantage_csv",
        "replay AAPL_kibot.txt --provider kibot --source file_raw",
        "replay exports/ --provider mine.yml",
        "replay old.csv.gz --provider alphavantage_csv --symbol TSLA --received-at 2020-12-01 --label end",
    ),
)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@common_options
@click.option(
    "--provider",
    required=True,
    metavar="NAME|FILE.yml",
    callback=_known_provider,
    help="format: a shipped description, or a file",
)
@click.option("--dataset", type=click.Choice(DATASETS), help="what the files hold (default: as described, else bars)")
@click.option("--source", help="feed of the bars, with its price basis (seeds/source.csv; default: by provider)")
@click.option("--symbol", help="symbol of the bars (default: the symbol column, else the file name)")
@click.option(
    "--interval", "bar_interval", help="length of a bar (default: as the bars of a file are spaced, else 1min)"
)
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
    dataset: str | None,
    source: str | None,
    symbol: str | None,
    bar_interval: str | None,
    label: str | None,
    timezone: str | None,
    received_at: datetime | None,
    is_trusted: bool,
) -> int:
    """Land rows from files, folders of files and patterns (*.csv), plain or compressed.

    --provider names the format: alphavantage and yahoo (JSON responses), a shipped description, or a description of
    yours; `python -m loader describe FILE` guesses which. docs/bring-your-data.md lists them.

    The symbol is --symbol, else the file's symbol column, else the file's name: SYMBOL.csv, SYMBOL_SUFFIX.csv where
    the suffix begins with an interval (1min), a vendor (yahoo) or a zone (utc), or with anything after a listed
    currency pair (BTCUSD_fall.csv), or EXCHANGE_SYMBOL, INTERVAL.csv. Any other name needs --symbol.

    A file whose bars contradict the interval, the time zone or the label is refused, and nothing is landed. After
    landing, the warehouse's rules are applied: the exit code is 1 when it will accept nothing. To land a file twice is
    harmless.
    """
    claims = Claims(source, symbol, bar_interval, label, timezone, is_trusted)
    now = datetime.now(UTC)
    ParseContext.build(
        "simulated", "TSLA", bar_interval or "1min", now.date(), label, timezone
    )  # refuses what is wrong
    if source:
        reference.get_source(source)
    paths = list(chain.from_iterable(map(expand, files)))
    sink = factory.sink_from_settings(common.settings)
    run = Run(common.settings.lake, "replay", Path(provider).stem, now, common.archive_all, sink=sink)
    acceptance = Acceptance()
    described = None if provider in RESPONSES else description.load(provider)
    is_hidden = common.is_json or not sys.stderr.isatty()
    try:
        with click.progressbar(length=len(paths), label="replay", file=sys.stderr, hidden=is_hidden) as progress:
            for path in paths:
                if described:
                    _land_described(run, path, described, dataset, claims, received_at or now, acceptance, common)
                else:
                    _land_response(run, path, provider, dataset or "bars", claims, received_at or now, acceptance)
                progress.update(1)
        return print_run(run, run.finish(datetime.now(UTC)), common, acceptance=acceptance)
    finally:
        run.discard()


def _land_described(
    run: Run,
    path: Path,
    described: Description,
    dataset: str | None,
    claims: Claims,
    received_at: datetime,
    acceptance: Acceptance,
    common: CommonOptions,
) -> None:
    chosen = dataset or described.dataset
    if (
        chosen != described.dataset
        and chosen == "corporate_actions"
        and not {"ratio", "amount"} & described.fields.keys()
    ):
        raise UserError(f"description {described.name} has neither ratio nor amount: it cannot land corporate actions")
    landing = FileLanding(run, path, described, chosen, claims, received_at, symbol_of, acceptance)
    landing.land()
    if common.archive_all:
        run.archive(path.read_bytes())


def _land_response(
    run: Run,
    path: Path,
    provider: str,
    dataset: str,
    claims: Claims,
    received_at: datetime,
    acceptance: Acceptance,
) -> None:
    payload = _read(path)
    default_source, parsers = RESPONSES[provider]
    name = reference.resolve_symbol(claims.symbol) if claims.symbol else symbol_of(path)
    interval = claims.bar_interval or "1min"
    context = ParseContext.build(
        claims.source or default_source, name, interval, received_at.date(), claims.label, claims.timezone
    )
    outcomes = [parse(payload, context) for parse in parsers[dataset]]
    outcome = next((item for item in outcomes if not item.is_failure), outcomes[0])
    if outcome.is_failure:
        raise UserError(f"cannot read {path} as {provider}: {outcome.message}; nothing was landed")
    if dataset == "corporate_actions":
        outcome = Outcome(Kind.BARS if outcome.actions else Kind.EMPTY, actions=outcome.actions)
    problem = None if claims.is_trusted else find_contradiction(outcome.bars, context)
    problem = problem or (None if claims.is_trusted else find_weekly_days(outcome.daily_bars))
    if problem:
        raise UserError(f"{path}: {problem}; nothing was landed")
    before = {name: len(lines) for name, lines in run.lines.items()}
    run.add_response(outcome, payload, received_at)
    for name, lines in run.lines.items():
        acceptance.add_lines(name, lines[before.get(name, 0) :])


def expand(path: Path) -> Iterator[Path]:
    """Yield the files of a file, a folder or a pattern. Raises UserError when there is none."""
    if path.is_file():
        yield path
        return
    if path.is_dir():
        inside = sorted(item for item in path.rglob("*") if item.is_file() and item.name.lower().endswith(_SUFFIXES))
    else:
        inside = sorted(item for item in _matches(path) if item.is_file())
    if not inside:
        reason = "no files in the folder" if path.is_dir() else "No such file or directory"
        raise UserError(f"cannot read {path}: {reason}")
    yield from inside


def _matches(path: Path) -> Sequence[Path]:
    if not any(letter in str(path) for letter in "*?["):
        return []
    root = Path(path.anchor or ".")
    return list(root.glob(str(path.relative_to(path.anchor) if path.anchor else path)))


def _read(path: Path) -> bytes:
    if path.stat().st_size > _LARGEST_RESPONSE:
        raise UserError(f"cannot read {path}: larger than {_LARGEST_RESPONSE:,} bytes")
    is_packed = find_compression(path) == "gz"
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if is_packed else content
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from None


def symbol_of(path: Path) -> str:
    """Return the symbol of a file's name, when the whole stem is one. Raises UserError otherwise."""
    stem = _EXTENSIONS.sub("", path.name)
    match = _CHART_EXPORT.fullmatch(stem) or _SUFFIX.fullmatch(stem) or _PAIR.fullmatch(stem)
    symbol = match["symbol"] if match else stem
    is_pair = reference.get_instrument(symbol).asset_class in ("crypto", "forex")
    if not _SYMBOL.fullmatch(symbol) or (match and match.re is _PAIR and not is_pair):
        raise UserError(f"no symbol in the file name '{path.name}': pass --symbol")
    return reference.resolve_symbol(symbol)
