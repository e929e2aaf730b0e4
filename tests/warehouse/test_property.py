"""Whatever arrives, in whatever order, however runs are cut short: the marts are those of a full refresh.

Hypothesis draws a sequence of deliveries and commands and drives the real project with it. A kill is a statement that
the engine refuses: the n-th one of the run raises, and so does every later one, the hooks' own included, so that the
run leaves what a killed process leaves. A slow test sends SIGKILL to real processes. `make test` runs five sequences,
`make soak` as many as its budget allows, and prints their seeds.
"""

import atexit
import gc
import json
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import seed as with_seed
from hypothesis import strategies as st

from testkit.edits import edited
from testkit.lake import DAILY_MARTS, DBT, RESAMPLED, Lake, assert_equal_marts, bar, public_marts
from tickerlake import lake as lakes
from tickerlake.errors import UserError

PARTIAL = (
    ("int_line__validated", "fct_bar"),
    ("int_line__validated", "fct_bar", "int_bar__count_by_date"),
    ("fct_price_change", "fct_technical_indicator"),
    ("int_line__validated", "quarantined_record"),
    ("fct_moving_average",),
)


@dataclass(frozen=True)
class Delivery:
    """Bars `first` to `first + count` of a symbol's series, and what is wrong with them."""

    symbol: str
    source: str
    first: int
    count: int
    version: int  # a later version of a bar has other prices
    is_final: bool
    is_shuffled: bool
    repeats: int
    malformed: int
    hours_late: int


# what a person has made of the project: edits of its files (see testkit.edits) and vars; each is parsed once
PROJECTS: dict[str, tuple[tuple[str, ...], str]] = {
    "as it is": ((), RESAMPLED[1]),
    "more lengths": ((), "{resample_minutes: [5, 60]}"),
    "other keys": (("holiday", "alias", "rename", "unlisted"), "{resample_minutes: [5, 60]}"),
    "a source less": (("source", "split"), "{resample_minutes: [], anomaly_pct: 1}"),
    "other definitions": (
        ("mart", "macro", "column"),
        "{resample_minutes: [5], default_calendar: 24/7, spike_bars: 2}",
    ),
}


@dataclass(frozen=True)
class Step:
    """What lands, then one command: `kill_at` is the statement that dies, `select` a partial selection.

    `project` is the state of the project from here on.
    """

    project: str
    deliveries: tuple[Delivery, ...]
    select: tuple[str, ...]
    full_refresh: bool
    kill_at: int | None


deliveries = st.builds(
    Delivery,
    symbol=st.sampled_from(["TSLA", "TSLA", "TSLA", "SCHG", "BTCUSD"]),  # mostly one, so that deliveries meet
    source=st.sampled_from(["simulated", "simulated", "simulated", "alphavantage"]),
    first=st.integers(0, 1200),
    count=st.sampled_from([1, 2, 30, 400, 1200]),  # a date holds 420, an indicator looks back 704
    version=st.integers(0, 3),
    is_final=st.booleans(),
    is_shuffled=st.booleans(),
    repeats=st.sampled_from([0, 0, 1, 5]),
    malformed=st.sampled_from([0, 0, 1, 4]),
    hours_late=st.sampled_from([0, 0, 1, 20]),
)
steps = st.builds(
    Step,
    project=st.sampled_from(["as it is", "as it is", *PROJECTS]),
    deliveries=st.lists(deliveries, min_size=1, max_size=4).map(tuple),
    select=st.sampled_from([(), (), (), *PARTIAL]),
    full_refresh=st.sampled_from([False, False, False, False, True]),
    kill_at=st.one_of(st.none(), st.none(), st.integers(1, 200)),
)


def sequences(longest: int) -> st.SearchStrategy[list[Step]]:
    """Two steps at least, and not the smallest two: hypothesis draws them first, and they prove little."""
    several = st.lists(steps, min_size=2, max_size=longest)
    return several.filter(lambda drawn: sum(delivery.count for step in drawn for delivery in step.deliveries) > 2)


COUNTS = {"sequences": 0, "runs": 0, "kills": 0}


@contextmanager
def dying_at(statement: int | None) -> Iterator[None]:
    """Let the run's n-th statement and all later ones fail, at the adapter's door to the engine."""
    from dbt.adapters.duckdb.environments.local import DuckDBCursorWrapper
    from dbt_common.exceptions import DbtRuntimeError

    execute, seen = DuckDBCursorWrapper.execute, 0

    def counted(self: Any, sql: str, bindings: Any = None) -> Any:
        nonlocal seen
        seen += 1
        if statement is not None and seen >= statement:
            if seen == statement:
                COUNTS["kills"] += 1
            raise DbtRuntimeError("killed by the test")
        return execute(self, sql, bindings) if bindings is not None else execute(self, sql)

    DuckDBCursorWrapper.execute = counted
    try:
        yield
    finally:
        DuckDBCursorWrapper.execute = execute


def lines_of(delivery: Delivery, number: int) -> list[dict[str, Any] | bytes]:
    """A delivery as lines. A bar's prices follow from its key and version alone, so equal versions are equal bars."""
    rng = random.Random(f"{delivery.symbol}|{number}")
    lines: list[dict[str, Any] | bytes] = []
    # sparse symbols skip minutes; the round-the-clock one does not stop at a session's end
    step = {"TSLA": 1, "SCHG": 3, "BTCUSD": 1}[delivery.symbol]
    for i in range(delivery.first, delivery.first + delivery.count):
        start = datetime(2026, 3, 2, 13, 0) + timedelta(minutes=i * step + (i // 420) * 1020)  # noqa: DTZ001
        price = random.Random(f"{delivery.symbol}|{i}|{delivery.version}")
        flat = 600 <= i % 1100 < 900
        close = 100.0 if flat else round(80 + 40 * price.random(), 2)
        opened = 100.0 if flat else round(80 + 40 * price.random(), 2)
        received = datetime(2026, 4, 1) + timedelta(minutes=delivery.version)  # noqa: DTZ001
        lines.append(
            bar(
                delivery.symbol,
                f"{start:%Y-%m-%dT%H:%M:%SZ}",
                source=delivery.source,
                open=f"{opened:.2f}",
                close=f"{close:.2f}",
                high=f"{max(opened, close) + (0 if flat else 1):.2f}",
                low=f"{min(opened, close) - (0 if flat else 1):.2f}",
                volume=str(price.choice([0, 1, 100, 100, 5000])),
                is_final=delivery.is_final,
                received_at=f"{received:%Y-%m-%dT%H:%M:%S}.000Z",
                run_id=f"01J{number:023d}",
                line_number=i,
            )
        )
    lines += lines[: delivery.repeats]
    lines += [b'{"schema_version": 1, "symbol"', b"", json.dumps(bar(close="-1")).encode(), b"\xff"][
        : delivery.malformed
    ]
    if delivery.is_shuffled:
        rng.shuffle(lines)
    return lines


@cache
def begun() -> Path:
    """A lake that has built one bar, for sequences to start from."""
    template = Lake(Path(tempfile.mkdtemp(prefix="tickerlake_begun_")), options=RESAMPLED)
    atexit.register(shutil.rmtree, template.folder, ignore_errors=True)
    template.land(
        [bar("TSLA", "2026-03-02T13:00:00Z", is_final=False, received_at="2026-03-02T13:00:10Z")], "2026-04-02 11"
    )
    template.run()
    return template.folder


def play(sequence: list[Step], folder: Path) -> None:
    """Land and run the sequence, finish with a plain run, and compare with a full refresh."""
    lake = Lake(folder / "lake", options=RESAMPLED)
    number, hour = 0, datetime(2026, 4, 2, 12)  # noqa: DTZ001
    shutil.copytree(begun(), lake.folder)
    for step in sequence:
        edits, variables = PROJECTS[step.project]
        changed = replace(lake, project=edited(*edits) if edits else lakes.PROJECT, options=("--vars", variables))
        if changed.project != lake.project:
            assert changed.invoke("seed").is_success
        lake = changed
        hour += timedelta(hours=1)
        for delivery in step.deliveries:
            number += 1
            arrived = hour - timedelta(hours=delivery.hours_late)
            lake.land(lines_of(delivery, number), f"{arrived:%Y-%m-%d %H}", f"object-{number}")
        options = [
            *(["--select", *step.select] if step.select else ["--exclude", *DAILY_MARTS, "config.materialized:view"]),
            *(["--full-refresh"] if step.full_refresh else []),
        ]
        COUNTS["runs"] += 1
        with dying_at(step.kill_at), suppress(UserError):  # a refusal, or the kill
            lake.dbt("run", *options)
        gc.collect()  # a killed run's traceback holds its connection, and that the catalogue
    lake.run("--exclude", *DAILY_MARTS)
    try:
        assert_equal_marts(lake, lake.refreshed(), public_marts())
        assert_conserved(lake)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    COUNTS["sequences"] += 1
    print(COUNTS, flush=True)


def assert_conserved(lake: Lake) -> None:
    """No line of raw is missing: the audit has counted every one, and calls none missing."""
    raw = (
        f"read_csv('{lake.folder}/raw/bars/*/*/*.gz', columns = {{'line': 'VARCHAR'}}, delim = '\\x01', quote = '', "
        "escape = '', encoding = 'latin-1', header = false, auto_detect = false, strict_mode = false)"
    )
    landed = lake.query(f"select count(*) from {raw} where trim(line) <> ''")[0][0]
    counted = lake.query("select sum(landed_lines), sum(missing_lines) from lake.tickerlake_audit.fct_load_audit")
    assert counted == [(landed, 0)]


def _run(examples: int, seed: int, longest: int, *phases: Phase) -> None:
    @with_seed(seed)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate, *phases],
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
    @given(sequences(longest))
    def holds(sequence: list[Step]) -> None:
        note(repr(sequence))
        play(sequence, Path(tempfile.mkdtemp(prefix="tickerlake_property_")))

    holds()


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (2, 3, 4, 5))])
def test_any_sequence_of_runs_ends_as_a_full_refresh(seed: int) -> None:
    _run(1, seed, 3)


@pytest.mark.slow
def test_a_process_killed_at_any_time_leaves_nothing_that_the_next_run_does_not_heal(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake", options=RESAMPLED)
    rng = random.Random(4)
    lake.land(lines_of(Delivery("TSLA", "simulated", 0, 900, 0, True, True, 1, 1, 0), 1), "2026-04-02 12")
    lake.run()
    kills = 0
    for number in range(2, 8):
        lake.land(
            lines_of(Delivery("TSLA", "simulated", 300 * number, 500, 1, True, True, 1, 1, 0), number),
            f"2026-04-02 {12 + number}",
        )
        command = [
            str(DBT),
            "run",
            "--target-path",
            str(tmp_path / "target"),
            "--log-path",
            str(tmp_path),
        ]
        process = subprocess.Popen(  # killed on purpose
            [*command, *(["--full-refresh"] if number % 3 == 0 else [])],
            cwd=lakes.PROJECT,
            env=lake.environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(4 + 8 * rng.random())
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            kills += 1
        process.wait()
    print(f"{kills} processes killed")
    assert kills, "every run was faster than its kill: nothing is proved"
    lake.run()
    assert_equal_marts(lake, lake.refreshed())


def soak(minutes: float, seed: int) -> None:
    """Run sequences until the budget is spent; a failure raises with the smallest case that shows it."""
    started = time.monotonic()
    while time.monotonic() - started < minutes * 60:
        _run(10, seed, 5, Phase.shrink)
        print(
            f"seed {seed}: {COUNTS['sequences']} sequences, {COUNTS['runs']} runs, {COUNTS['kills']} kills, "
            f"{time.monotonic() - started:.0f} s",
            flush=True,
        )
        seed += 1


if __name__ == "__main__":
    soak(float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else int(time.time()))
