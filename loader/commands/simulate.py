"""`simulate`: land generated, deterministic bars."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path

import click

from loader import reference
from loader.commands.options import DAY, CommonOptions, common_options, examples, parse_part, parse_symbols
from loader.commands.output import print_run
from loader.providers.simulate import SimulatedDelivery
from loader.providers.simulate import simulate as generate
from loader.run import Run
from loader.settings import read_settings
from loader.sinks import Sink, factory

FIRST_DAY, SEED = date(2024, 6, 5), 7


@click.command(
    short_help="land generated, deterministic bars",
    epilog=examples("simulate --symbols TSLA,NVDA --sessions 2", "simulate --faults --part 1/2"),
)
@common_options
@click.option("--symbols", type=parse_symbols, metavar="A,B", help="comma-separated (default: the curated universe)")
@click.option("--first", type=DAY, default=str(FIRST_DAY), metavar="DAY", help=f"first day (default: {FIRST_DAY})")
@click.option("--sessions", type=click.IntRange(min=1), default=5, help="number of sessions (default: 5)")
@click.option("--seed", type=int, default=SEED, help="equal seeds produce equal bytes (default: 7)")
@click.option("--part", type=parse_part, default="1/1", metavar="K/N", help="land part K of N (default: 1/1)")
@click.option("--history", type=int, default=0, metavar="N", help="daily bars too, from N sessions before")
@click.option("--faults", "has_faults", is_flag=True, help="plant duplicates, corrections, late and malformed lines")
def simulate(
    common: CommonOptions,
    symbols: list[str] | None,
    first: date,
    sessions: int,
    seed: int,
    part: tuple[int, int],
    history: int,
    has_faults: bool,
) -> int:
    """Land generated bars. Equal options produce equal bytes."""
    return _land(common, symbols, first, sessions, seed, part, history, has_faults)


def land_simulated(
    lake: Path,
    symbols: list[str] | None = None,
    sessions: int = 5,
    *,
    part: tuple[int, int] = (1, 1),
    history: int = 0,
    has_faults: bool = False,
) -> int:
    """Land generated bars in a lake and print the run, as the command does. Returns its exit code; raises UserError."""
    common = CommonOptions(read_settings(str(lake)), is_json=False, archive_all=False)
    return _land(common, symbols, FIRST_DAY, sessions, SEED, part, history, has_faults)


def _land(
    common: CommonOptions,
    symbols: list[str] | None,
    first: date,
    sessions: int,
    seed: int,
    part: tuple[int, int],
    history: int,
    has_faults: bool,
) -> int:
    number, parts = part
    deliveries = generate(
        symbols or reference.universe(), first, sessions, seed, parts=parts, faults=has_faults, history=history
    )
    delivery = deliveries[number - 1]
    run, ledger = land_delivery(common.settings.lake, "simulate", delivery, factory.sink_from_settings(common.settings))
    return print_run(run, ledger, common, delivery.counts)


def land_delivery(
    lake: Path, command: str, delivery: SimulatedDelivery, sink: Sink
) -> tuple[Run, Mapping[str, object]]:
    """Land a generated delivery as a run of its own. Returns the run and its ledger record; raises UserError."""
    run = Run(lake, command, "simulate", datetime.now(UTC), run_id=delivery.run_id, sink=sink)
    datasets = {"bars": delivery.lines, "daily_bars": delivery.days, "corporate_actions": delivery.actions}
    for dataset, lines in datasets.items():
        if lines:
            run.add_lines(lines, dataset)
    return run, run.finish(datetime.now(UTC))
