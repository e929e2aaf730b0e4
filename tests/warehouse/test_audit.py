"""Every landed line is accounted for, and a line that gets lost is found."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from testkit.lake import Lake, bar, compiled
from tickerlake import lake as lakes

AUDIT = """
    select dt, hr, landed_lines, winning_lines, superseded_lines, duplicate_lines, quarantined_lines, missing_lines
    from lake.tickerlake_audit.fct_load_audit order by dt, hr
"""


def test_every_line_is_winning_superseded_duplicate_or_quarantined(lake: Lake) -> None:
    first = [bar(minute=f"2026-03-02T15:{i:02d}:00Z", line_number=i) for i in range(4)]
    lake.land([*first, first[0], b"oops", b"oops"], "2026-03-02 16")
    lake.run()
    assert lake.query(AUDIT) == [("2026-03-02", "16", 7, 4, 0, 1, 2, 0)]
    corrected = first[1] | {"close": "100", "received_at": "2026-03-04T00:00:00.000Z", "run_id": "01K"}
    stale = first[2] | {"received_at": "2026-03-02T16:00:00.000Z", "run_id": "01A"}
    lake.land([corrected, stale, first[3]], "2026-03-02 17")
    lake.run()
    assert lake.query(AUDIT) == [
        ("2026-03-02", "16", 7, 2, 2, 1, 2, 0),
        ("2026-03-02", "17", 3, 2, 1, 0, 0, 0),
    ]
    tests = [r.status for r in lake.dbt("test", "--select", "fct_load_audit") if r.resource_type == "test"]
    assert tests == ["pass", "pass"]


@pytest.mark.slow
def test_a_lost_bar_fails_the_test_that_names_its_hour(lake: Lake) -> None:
    lake.land([bar(), bar(minute="2026-03-02T15:01:00Z", line_number=2)], "2026-03-02 16")
    lake.run()
    with duckdb.connect(config={"extension_directory": str(lakes.extensions())}) as writer:
        writer.execute("load ducklake")
        writer.execute(
            f"attach 'ducklake:{lake.folder}/catalog.ducklake' as lake "
            f"(data_path '{lake.folder}/warehouse/', override_data_path true)"
        )
        writer.execute("delete from lake.tickerlake_marts.fct_bar where line_number = 2")
    lake.run("--select", "int_line__validated", "int_arrival__reconciled")
    assert lake.query(AUDIT) == [("2026-03-02", "16", 2, 1, 0, 0, 0, 1)]
    failed = [r.name for r in lake.dbt("test", "--select", "fct_load_audit") if r.status == "fail"]
    assert failed == ["no_missing_line_fct_load_audit_"]


def minutes(
    day: str, first: str, count: int, run_id: str, symbol: str = "SCHG", skip: set[int] | None = None
) -> list[dict[str, Any]]:
    start = datetime.fromisoformat(f"{day}T{first}:00")
    return [
        bar(symbol, f"{start + timedelta(minutes=i):%Y-%m-%dT%H:%M:%SZ}", run_id=run_id, line_number=i)
        for i in range(count)
        if i not in (skip or set())
    ]


def gaps(lake: Lake) -> list[tuple[Any, ...]]:
    return lake.query("""
        select symbol, strftime(gap_start_at, '%m-%d %H:%M'), missing_minutes, reason
        from lake.tickerlake_audit.fct_gap order by symbol, gap_start_at
    """)


def test_gaps_are_told_apart(lake: Lake) -> None:
    # 2024-07-03 closes at 13:00 New York, 2024-07-04 is a holiday
    lines = minutes("2024-07-03", "13:30", 210, "A", skip={50, 51})
    lines += minutes("2024-07-05", "13:30", 100, "B") + minutes("2024-07-05", "15:20", 50, "C", skip={7})
    refused = minutes("2024-07-05", "15:27", 1, "C")[0] | {"close": "-1"}
    crypto = minutes("2024-07-03", "00:00", 3, "A", "BTCUSD") + minutes("2024-07-07", "00:00", 3, "B", "BTCUSD")
    lake.land([*lines, refused, *crypto], "2024-07-05 17")
    lake.run()
    assert gaps(lake) == [
        ("SCHG", "07-03 14:20", 2, "no_trade"),
        ("SCHG", "07-03 17:00", 180, "closed"),
        ("SCHG", "07-04 13:30", 390, "closed"),
        ("SCHG", "07-05 15:10", 10, "not_fetched"),
        ("SCHG", "07-05 15:27", 1, "quarantined"),
    ]
    assert not [r for r in lake.dbt("test", "--select", "fct_gap") if r.status == "fail"]


@pytest.mark.slow
def test_a_session_that_was_never_fetched_is_one_gap(lake: Lake) -> None:
    lake.land(minutes("2024-07-08", "13:30", 390, "A") + minutes("2024-07-10", "13:30", 5, "B"), "2024-07-10 17")
    lake.run()
    assert gaps(lake) == [("SCHG", "07-09 13:30", 390, "not_fetched")]


@pytest.mark.slow
def test_an_intraday_run_tests_the_keys_of_what_changed_and_finds_rows_below_it(tmp_path: Path) -> None:
    table = """(values
        ('old twice', date '2026-03-01', 1), ('old twice', date '2026-03-01', 2), ('misplaced', date '2026-03-01', 3),
        ('new twice', date '2026-03-02', 2), ('new twice', date '2026-03-02', 3), ('once', date '2026-03-03', 3),
        (null, date '2026-03-03', 3), ('undated', null, 3)) as mart (k, day, batch_id)"""
    environment = Lake(tmp_path).environment() | {"DBT_TARGET_PATH": str(tmp_path / "target")}

    def failing_keys(start: str) -> set[tuple[str | None, int]]:
        template = f"{{{{ doubled_keys({table!r}, ['k'], 'day', {start}, 3) }}}}"
        return set(duckdb.sql(compiled(template, environment)).fetchall())

    assert failing_keys("none") == {("old twice", 2), ("new twice", 2), (None, 1)}
    assert failing_keys("'2026-03-02'") == {("new twice", 2), (None, 1), ("misplaced", 1), ("undated", 1)}
