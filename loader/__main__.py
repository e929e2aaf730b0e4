"""Command line of the loader: `python -m loader --help`."""

import argparse
import gzip
import json
import os
import re
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

from loader import commands, reference, settings
from loader.lease import Held
from loader.outcome import Outcome
from loader.providers import alphavantage, csv_file, registry, yahoo
from loader.providers.context import Context
from loader.providers.label_check import contradiction, describe
from loader.providers.simulate import simulate
from loader.run import Run
from loader.sinks import choose
from loader.sinks.folder import FolderSink
from tickerlake.errors import UserError

FORMATS: dict[str, tuple[str, Callable[[bytes, Context], Outcome]]] = {
    "alphavantage_csv": ("alphavantage_adjusted", csv_file.parse),
    "alphavantage": ("alphavantage_adjusted", alphavantage.parse),
    "yahoo": ("yahoo", yahoo.parse),
    "yahoo_csv": ("yahoo", csv_file.parse),
}
"""What `replay --provider` reads: the feed that its bars belong to by default, and the parser."""


def main(arguments: list[str] | None = None) -> int:
    """Run one command. Returns its exit code (see `--help`)."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except Held as held:
        print(f"error: another run holds the lease '{held}': wait, or delete state/lease/{held}.json", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped: what has landed is noted, the same command resumes", file=sys.stderr)
        return 130


def _replay(options: argparse.Namespace) -> int:
    configured = settings.read(options.lake, options.sink)
    now = datetime.now(UTC)
    received_at = options.received_at or now
    default_source, parse = FORMATS[options.provider]
    run = Run(configured.lake, "replay", options.provider, now, options.archive == "all", sink=choose.sink(configured))
    for path in options.files:
        symbol = options.symbol or _symbol_of(path)
        context = Context.build(
            options.source or default_source,
            symbol,
            options.interval,
            received_at.date(),
            options.label,
            options.timezone,
        )
        payload = _read(path)
        outcome = parse(payload, context)
        if outcome.is_failure:
            raise UserError(f"cannot read {path} as {options.provider}: {outcome.message}; nothing was landed")
        likely = None if options.trust_label else contradiction(outcome.bars, context)
        if likely:
            raise UserError(f"{path}: {describe(context, likely)}; nothing was landed")
        run.take(outcome, payload, received_at)
    return _report(run, options)


def _simulate(options: argparse.Namespace) -> int:
    configured = settings.read(options.lake, options.sink)
    part, parts = options.part
    made = simulate(
        options.symbols or reference.universe(),
        options.first,
        options.sessions,
        options.seed,
        parts=parts,
        faults=options.faults,
        history=options.history,
    )[part - 1]
    run = Run(
        configured.lake, "simulate", "simulate", datetime.now(UTC), run_id=made.run_id, sink=choose.sink(configured)
    )
    for dataset, lines in {"bars": made.lines, "daily_bars": made.days, "corporate_actions": made.actions}.items():
        if lines:
            run.take_lines(lines, dataset)
    return _report(run, options, dict(made.counts))


def _report(run: Run, options: argparse.Namespace, planted: dict[str, int] | None = None) -> int:
    return _tell(run, run.finish(datetime.now(UTC)), options, planted)


def _tell(
    run: Run, ledger: dict[str, object], options: argparse.Namespace, planted: dict[str, int] | None = None
) -> int:
    if run.dead_lettered:
        print(
            f"{run.dead_lettered:,} lines were not delivered; to try again: python -m loader resend-dead-letters",
            file=sys.stderr,
        )
    if options.json:
        print(json.dumps(ledger | ({"planted": planted} if planted else {})))
        return 1 if run.dead_lettered else 0
    null_rows = f", {run.null_rows:,} rows without prices" if run.null_rows else ""
    print(f"landed {ledger['confirmed']:,} lines in {_where(options, run)} (run {run.run_id}){null_rows}")
    if planted:
        print("  " + ", ".join(f"{name} {count:,}" for name, count in sorted(planted.items())))
    return 1 if run.dead_lettered else 0


def _where(options: argparse.Namespace, run: Run) -> str:
    return f"{run.lake}/raw" if isinstance(run.sink, FolderSink) else str(options.sink or os.environ["TICKERLAKE_SINK"])


def _read(path: Path) -> bytes:
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if path.suffix == ".gz" else content
    except (OSError, EOFError) as error:
        raise UserError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from None


def _symbol_of(path: Path) -> str:
    found = re.match(r"[A-Z0-9.^=-]*[A-Z0-9]", path.name.partition("_")[0].split(".csv")[0].split(".json")[0])
    if not found:
        raise UserError(f"no symbol in the file name '{path.name}': pass --symbol")
    return found.group()


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _part(text: str) -> tuple[int, int]:
    part, parts = (int(number) for number in text.split("/"))
    if not 1 <= part <= parts:
        raise ValueError(text)
    return part, parts


def _seconds(text: str) -> float:
    number = float(text.removesuffix("s"))
    if not 0 <= number <= 86_400:
        raise ValueError(text)
    return number


def _symbols(text: str) -> list[str]:
    return [symbol for symbol in text.split(",") if symbol]


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


_EXIT_CODES = """
exit codes:
  0    done
  1    some request failed or some lines were not delivered; the rest has landed
  2    nothing could be done: the message says what to mend
  130  stopped by Ctrl-C: the same command goes on where it was
"""
_FIRST_STEPS = """
first steps:
  python -m loader doctor
  python -m loader simulate --symbols TSLA --sessions 2
  python -m loader fetch --provider yahoo --symbols TSLA,NVDA
"""
_MORE = {
    "replay": """
The time of a bar is read by the source's convention at the time of receipt; a file whose volumes contradict it is
refused. Landing a file twice does no harm.

examples:
  python -m loader replay TSLA.csv --provider alphavantage_csv
  python -m loader replay old.csv.gz --provider alphavantage_csv --symbol TSLA --received-at 2020-12-01 --label end
""",
    "fetch": """
A throttled or broken request is repeated; a symbol that the vendor does not serve is named and left out. With
--incremental the first provisional bar is where it begins.

examples:
  python -m loader fetch --provider yahoo --symbols TSLA,NVDA
  python -m loader fetch --provider alphavantage --symbols TSLA --dataset daily_bars --days 100
  python -m loader fetch --provider yahoo --incremental --json
""",
    "backfill": """
Every ten requests land as a run of their own and are noted in state/backfill. After a kill, a Ctrl-C or a spent quota
the same command asks only for what is left.

examples:
  python -m loader backfill --provider yahoo --symbols TSLA --from 2026-11-02 --to 2026-11-20 --dry-run
  python -m loader backfill --provider alphavantage --symbols TSLA,NVDA --from 2026-08-01 --to 2026-11-20
""",
    "watch": """
Each poll is a run: it asks from the first provisional bar on, and skips symbols whose exchange is closed.
Ctrl-C ends it.

examples:
  python -m loader watch --provider yahoo --symbols TSLA,BTCUSD --every 30s
  python -m loader watch --provider yahoo --rounds 1 --json
""",
    "resend-dead-letters": """
What is confirmed is removed from dead_letters/, what is not stays. A line that lands twice counts as a duplicate.

examples:
  python -m loader resend-dead-letters
  python -m loader resend-dead-letters --sink firehose --json
""",
    "doctor": """
Asks no vendor. Exits with 1 when something is broken.

examples:
  python -m loader doctor
  python -m loader doctor --json
""",
    "simulate": """
examples:
  python -m loader simulate --symbols TSLA,NVDA --sessions 2
  python -m loader simulate --faults --part 1/2
""",
}


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--lake", help="folder of the lake (default: TICKERLAKE_LAKE, else lake/)")
    common.add_argument("--sink", choices=settings.SINKS, help="where lines go (default: TICKERLAKE_SINK, else folder)")
    common.add_argument("--json", action="store_true", help="print the run's ledger record for machines")
    common.add_argument("--archive", choices=["errors", "all"], default="errors", help="which vendor answers to keep")
    asking = argparse.ArgumentParser(add_help=False)
    asking.add_argument("--provider", required=True, choices=registry.PROVIDERS, help="vendor (yahoo needs no key)")
    asking.add_argument("--symbols", type=_symbols, help="comma-separated (default: the curated universe)")
    asking.add_argument("--interval", default="1min", help="length of a bar (default: 1min)")
    asking.add_argument("--dataset", choices=settings.DATASETS[:3], default="bars", help="what to ask (default: bars)")
    parser = argparse.ArgumentParser(
        prog="python -m loader",
        description="Land vendor bars as raw JSON lines; `make build` turns them into tables.",
        epilog=_FIRST_STEPS + _EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    named = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, parents: list[argparse.ArgumentParser], summary: str) -> argparse.ArgumentParser:
        layout = argparse.RawDescriptionHelpFormatter
        told = _MORE[name] + _EXIT_CODES
        return named.add_parser(name, parents=parents, help=summary, epilog=told, formatter_class=layout)

    replay = command("replay", [common], "land bars from files of a vendor's answers")
    replay.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a file, plain or .gz, named by its symbol")
    replay.add_argument("--provider", required=True, choices=FORMATS, help="format of the files")
    replay.add_argument("--source", help="feed the bars belong to (default: by provider; see seeds/source.csv)")
    replay.add_argument("--symbol", help="symbol of the bars (default: from the file name)")
    replay.add_argument("--interval", default="1min", help="length of a bar (default: 1min)")
    replay.add_argument("--label", help="start or end: what the time of a bar means (default: by source and date)")
    replay.add_argument("--timezone", help="zone of times without an offset (default: by source)")
    replay.add_argument("--received-at", type=_moment, help="when the data was received, ISO 8601 (default: now)")
    replay.add_argument("--trust-label", action="store_true", help="land even if the volumes contradict the label")
    replay.set_defaults(run=_replay)

    fetch = command("fetch", [common, asking], "fetch the last days from a vendor")
    fetch.add_argument("--days", type=_positive, default=1, help="how many days back from now (default: 1)")
    fetch.add_argument("--incremental", action="store_true", help="only what is missing or provisional")
    fetch.set_defaults(run=lambda options: commands.fetch(options, _tell))

    backfill = command("backfill", [common, asking], "fetch a range of days; resumes by itself")
    backfill.add_argument("--from", dest="first", type=date.fromisoformat, required=True, help="first day, UTC")
    backfill.add_argument("--to", dest="until", type=date.fromisoformat, required=True, help="last day, UTC")
    backfill.add_argument("--dry-run", action="store_true", help="print the requests and make none")
    backfill.set_defaults(run=commands.backfill)

    watch = command("watch", [common, asking], "poll while the exchanges are open")
    watch.add_argument("--every", type=_seconds, default=60.0, metavar="30s", help="pause between polls (default: 60s)")
    watch.add_argument("--days", type=_positive, default=1, help="how far the first poll reaches back (default: 1)")
    watch.add_argument("--rounds", type=int, default=0, help="stop after so many polls (default: never)")
    watch.set_defaults(run=lambda options: commands.watch(options, _tell))

    again = command("resend-dead-letters", [common], "land lines that were not delivered before")
    again.set_defaults(run=commands.resend)

    examined = command("doctor", [common], "say what is there, what is missing, what to do")
    examined.set_defaults(run=commands.examine)

    made = command("simulate", [common], "land generated, deterministic bars")
    made.add_argument("--symbols", type=_symbols, help="comma-separated (default: the curated universe)")
    made.add_argument(
        "--first", type=date.fromisoformat, default=date(2024, 6, 5), help="first day (default: 2024-06-05)"
    )
    made.add_argument("--sessions", type=_positive, default=5, help="number of sessions (default: 5)")
    made.add_argument("--seed", type=int, default=7, help="equal seeds give equal bytes (default: 7)")
    made.add_argument("--part", type=_part, default=(1, 1), metavar="K/N", help="land part K of N (default: 1/1)")
    made.add_argument("--history", type=int, default=0, metavar="N", help="daily bars too, from N sessions before")
    made.add_argument("--faults", action="store_true", help="plant duplicates, corrections, late and broken lines")
    made.set_defaults(run=_simulate)
    return parser


if __name__ == "__main__":
    sys.exit(main())
