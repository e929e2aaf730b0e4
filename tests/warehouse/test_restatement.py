"""A changed definition, var or seed makes of stored rows what a full refresh makes: nothing stale, nothing twice."""

import json
import shutil
import tempfile
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from testkit.edits import edited
from testkit.lake import Lake, assert_equal_marts, bar

pytestmark = pytest.mark.slow

BUILT = {"resample_minutes": [5, 60]}


def lines() -> list[dict[str, Any]]:
    """Two sessions of four symbols, the second source's among them, and of one that no seed lists."""
    minutes = [
        bar(
            symbol,
            f"{datetime(2026, 3, day, 14, 30) + timedelta(minutes=3 * i):%Y-%m-%dT%H:%M:%SZ}",  # noqa: DTZ001
            source=source,
            close=str(100 + (7 * i + day) % 13),
            open="100",
            high="120",
            low="90",
            volume=str([1000, 5000][i % 9 == 0]),
            received_at="2026-03-20T00:00:00.000Z",
        )
        for day in (2, 3)
        for symbol, source in [
            ("TSLA", "simulated"),
            ("TSLA", "alphavantage"),
            ("SCHG", "simulated"),
            ("BTCUSD", "simulated"),
            ("GOLD", "simulated"),
        ]
        for i in range(30)
    ]
    evening = [bar("BTCUSD", f"2026-03-0{day}T03:00:00Z", received_at="2026-03-20T00:00:00.000Z") for day in (3, 4)]
    return [line | {"line_number": number} for number, line in enumerate([*minutes, *evening])]


def with_vars(lake: Lake, **variables: Any) -> Lake:
    return replace(lake, options=("--vars", json.dumps(variables)))


@pytest.fixture(scope="module")
def built() -> Any:
    with tempfile.TemporaryDirectory(prefix="tickerlake_restated_") as folder:
        lake = with_vars(Lake(Path(folder) / "lake"), **BUILT)
        lake.land(lines())
        lake.run()
        yield lake


@dataclass(frozen=True)
class Case:
    """Edits, vars, what the plan says of them, and figures that they change: query → before, after."""

    plan: str
    edits: tuple[str, ...] = ()
    variables: tuple[tuple[str, Any], ...] = tuple(BUILT.items())
    changes: tuple[tuple[str, Any, Any], ...] = ()


CASES = {
    "holiday, alias and rename": Case(
        "12 full (int_action__known: ",
        ("holiday", "alias", "rename"),
        changes=(
            ("select count(*) from fct_bar where symbol = 'SCHG'", 100, 0),
            ("select count(*) from fct_price_change where symbol = 'SCHG'", 100, 0),
            ("select count(*) from fct_bar where symbol = 'TSLA' and bar_date = '2026-03-02'", 100, 0),
            (
                "select count(*) from fct_bar where session = 'regular' and bar_date = '2026-03-03'",
                200,
                0,
            ),
            ("select count(*) from lake.tickerlake_intermediate.int_bar__count_by_date where symbol = 'SCHG'", 6, 0),
        ),
    ),
    "listed, unlisted, and a source removed": Case(
        "12 full (",
        ("listed", "unlisted", "source"),
        changes=(
            ("select count(*) from fct_bar where symbol = 'BTCUSD' and bar_date = '2026-03-04'", 3, 0),
            ("select distinct session from fct_bar where symbol = 'GOLD'", "regular", "continuous"),
            ("select count(distinct source) from fct_bar", 4, 2),
            ("select sum(occurrences) from lake.tickerlake_audit.quarantined_record", None, 60),
        ),
    ),
    "fewer lengths": Case(
        "4 models incremental, 8 full (fct_bar: var resample_minutes changed; their readers)",
        variables=(("resample_minutes", [5]),),
        changes=(("select count(*) from fct_price_change where bar_interval = '60min'", 22, 0),),
    ),
    "definitions": Case(
        "9 models incremental, 3 full (",
        ("mart", "macro", "column"),
        changes=(("select count(*) from fct_volume_spike where volume_spike = 'SPIKE'", 66, 0),),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_an_edit_is_followed_by_the_rows_that_are_stored(
    built: Lake, tmp_path: Path, capfd: pytest.CaptureFixture[str], name: str
) -> None:
    case = CASES[name]
    shutil.copytree(built.folder, tmp_path / "lake")
    before = replace(built, folder=tmp_path / "lake")
    lake = with_vars(before, **dict(case.variables))
    values = [before.query(query) for query, _, _ in case.changes]
    if case.edits:
        lake = replace(lake, project=edited(*case.edits))
        assert lake.invoke("seed").is_success
    capfd.readouterr()
    lake.run("--exclude", "path:models/marts/daily,config.materialized:view")
    printed = capfd.readouterr().out
    assert_equal_marts(lake, lake.refreshed())
    assert case.plan in printed
    assert [value[0][0] for value in values] == [before for _, before, _ in case.changes]
    assert [lake.query(query)[0][0] for query, _, _ in case.changes] == [after for _, _, after in case.changes]
    lake.run("--exclude", "path:models/marts/daily,config.materialized:view")
    assert ", 0 full" in capfd.readouterr().out
