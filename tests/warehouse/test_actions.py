"""Corporate actions are reports, events are decided: the cases that vendors' answers really hold."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from testkit.daily import action, day, land
from testkit.lake import Lake, assert_equal_marts, compiled, project_copy
from tickerlake.lake import PROJECT

pytestmark = pytest.mark.slow
FIRST, SECOND = "2026-06-01T00:00:00.000Z", "2026-06-02T00:00:00.000Z"


def days(symbol: str, closes: dict[str, float | str], **fields: Any) -> list[dict[str, Any]]:
    return [day(symbol, at, close, line_number=i, **fields) for i, (at, close) in enumerate(closes.items())]


def events(lake: Lake, symbol: str) -> list[tuple[Any, ...]]:
    return lake.query(f"""
        select cast(effective_date as varchar), kind, cast(coalesce(ratio, amount) as double) from dim_corporate_action
        where symbol = '{symbol}' order by 1, 2, 3
    """)


def suspects(lake: Lake) -> list[tuple[Any, ...]]:
    return lake.query("""
        select symbol, kind, reason, reported, is_applied
        from lake.tickerlake_audit.suspect_corporate_action order by all
    """)


@pytest.fixture(scope="module")
def decided(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Build one lake with every case that one delivery shows."""
    lake = Lake(tmp_path_factory.mktemp("actions") / "lake")
    av: dict[str, Any] = {"source": "alphavantage"}
    land(
        lake,
        "daily_bars",
        [
            *days("NTES", {"2020-05-27": 400, "2020-05-28": 396}, **av),
            *days("CPRT", {"2017-04-07": 60, "2017-04-10": 60, "2017-04-11": 30, "2017-04-12": 30}, **av),
            *days("GOOGL", {"2014-04-02": "1135.10", "2014-04-03": "571.50"}, **av),
            *days("NVDA", {"2001-09-10": "75.76", "2001-09-17": "33.99"}, **av),
            *days("TPL", {"2020-03-05": 700, "2020-03-06": 684}, **av),
            *days("TWICE", {"2020-03-05": 102, "2020-03-06": 100}, **av),
            *days("BATS.L", {"2024-06-07": "7.022", "2024-06-10": "7.027"}, **av, currency="GBP"),
            *days("HELD", {"2024-06-07": 100, "2024-06-10": 99}, **av),
        ],
    )
    land(
        lake,
        "corporate_actions",
        [
            action("NTES", "dividend", "2020-05-28", "1.16", **av, line_number=1),
            action("NTES", "dividend", "2020-05-28", "3.43", **av, line_number=2),
            action("NTES", "dividend", "2020-05-28", "3.43", **av, line_number=3),
            action("CPRT", "split", "2017-04-10", "2", **av, line_number=4),
            action("CPRT", "split", "2017-04-11", "2", **av, line_number=5),
            action("GOOGL", "dividend", "2014-04-03", "567.9717", **av, line_number=6),
            action("NVDA", "split", "2001-09-17", "2", **av, line_number=7),
            action("TPL", "dividend", "2020-03-06", "10", **av, line_number=8),
            action("TPL", "dividend", "2020-03-06", "6", **av, line_number=9),
            action("TWICE", "split", "2020-03-06", "0.02", **av, line_number=10),
            action("TWICE", "split", "2020-03-06", "51", **av, line_number=11),
            action("BATS.L", "dividend", "2024-06-10", "0.3", **av, currency="USD", line_number=12),
            action("HELD", "split", "2024-06-10", "4", **av, line_number=13),
        ],
    )
    lake.run()
    return lake


def last_return(lake: Lake, symbol: str) -> tuple[Any, ...]:
    (row,) = lake.query(f"""
        select max_by(total_return, session_date), max(abs(simple_return)), max(dividend)
        from fct_daily_return where symbol = '{symbol}'
    """)
    return row


def test_two_dividends_of_a_day_both_count_and_one_listed_twice_once(decided: Lake) -> None:
    assert events(decided, "NTES") == [("2020-05-28", "dividend", 1.16), ("2020-05-28", "dividend", 3.43)]
    total, _, dividend = last_return(decided, "NTES")
    assert dividend == Decimal("4.59")
    assert total == pytest.approx((396 + 4.59) / 400 - 1)
    total, _, dividend = last_return(decided, "TPL")
    assert (total, dividend) == (pytest.approx(0), 16)


def test_two_splits_of_a_day_multiply(decided: Lake) -> None:
    assert [value for *_, value in events(decided, "TWICE")] == [0.02, 51]
    assert decided.query("select distinct price_factor from dim_corporate_action where symbol = 'TWICE'") == [
        (Decimal("1.02"),)
    ]
    assert last_return(decided, "TWICE")[1] == pytest.approx(0)
    assert decided.query("select count(*) from fct_daily_bar where symbol = 'TWICE'") == [(2,)]


def test_one_split_under_two_dates_of_one_list_counts_on_the_later(decided: Lake) -> None:
    assert events(decided, "CPRT") == [("2017-04-11", "split", 2)]
    assert last_return(decided, "CPRT")[1] == 0


def test_a_split_reported_as_a_dividend_is_one_event(decided: Lake) -> None:
    assert ("2014-04-03", "dividend", 567.9717) not in events(decided, "GOOGL")
    assert last_return(decided, "GOOGL") == (pytest.approx(0.00595, abs=1e-5), pytest.approx(0.00595, abs=1e-5), 0)


def test_a_date_on_which_the_exchange_was_closed_is_the_session_after_it(decided: Lake) -> None:
    assert len([at for at, *_ in events(decided, "NVDA") if at.startswith("2001")]) == 1
    assert last_return(decided, "NVDA")[0] == pytest.approx(-0.1027, abs=1e-4)


def test_what_contradicts_the_prices_is_listed_with_both_figures(decided: Lake) -> None:
    assert suspects(decided) == [
        ("BATS.L", "dividend", "other_currency", 0.3, False),
        ("GOOGL", "dividend", "duplicates_split", pytest.approx(567.9717), False),
        ("HELD", "split", "contradicts_price", 4, True),
    ]
    assert last_return(decided, "BATS.L")[2] == 0
    assert decided.query("select amount, currency from dim_corporate_action where symbol = 'BATS.L'") == [
        (Decimal("0.3"), "USD")
    ]
    results = {
        result.name: result.status for result in decided.dbt("test", "--select", "no_corporate_action_is_suspect")
    }
    assert results["no_corporate_action_is_suspect"] == "warn"


def test_a_newer_list_withdraws_what_it_covers_and_does_not_hold(lake: Lake) -> None:
    """A split first on one date, then on another; a revised amount; an event that was none; a list that lands late."""
    land(lake, "daily_bars", days("CPRT", {"2017-04-07": 60, "2017-04-10": 60, "2017-04-11": 30, "2017-04-12": 30}))
    first = {"received_at": FIRST, "run_id": "01A"}
    land(
        lake,
        "corporate_actions",
        [
            action("CPRT", "split", "2017-04-10", "2", **first),
            *(action("CPRT", "dividend", at, "0.5", **first) for at in ("2017-01-05", "2017-03-01", "2017-04-12")),
        ],
        "2026-06-01 00",
    )
    lake.run()
    assert len(events(lake, "CPRT")) == 4
    second = {"received_at": SECOND, "run_id": "01B"}
    land(
        lake,
        "corporate_actions",
        [
            action("CPRT", "split", "2017-04-11", "2", **second),
            action("CPRT", "dividend", "2017-01-05", "0.5", **second),
            action("CPRT", "dividend", "2017-04-12", "0.52", **second),
        ],
        "2026-06-02 00",
    )
    lake.run()
    expected = [
        ("2017-01-05", "dividend", 0.5),
        ("2017-04-11", "split", 2),
        ("2017-04-12", "dividend", 0.52),
    ]
    assert events(lake, "CPRT") == expected
    assert last_return(lake, "CPRT")[1] == 0
    late = {"received_at": FIRST, "run_id": "01A5"}  # of before the second list, but it lands after it
    land(lake, "corporate_actions", [action("CPRT", "dividend", "2017-02-01", "9", **late)], "2026-06-03 00")
    lake.run()
    assert events(lake, "CPRT") == expected
    assert_equal_marts(lake, lake.refreshed())
    assert lake.query("select sum(missing_lines) from lake.tickerlake_audit.fct_load_audit") == [(0,)]


def test_a_seeded_date_that_is_no_session_fails_with_file_and_row(lake: Lake, tmp_path: Any) -> None:
    ours = replace(lake, project=project_copy(tmp_path / "project"))
    seed = ours.project / "seeds" / "split.csv"
    seed.write_text(seed.read_text() + "NVDA,2001-09-12,2,1\n")
    ours.run()
    (result,) = [
        r for r in ours.dbt("test", "--select", "seeded_action_is_on_a_session") if r.name.startswith("seeded")
    ]
    assert result.status == "fail"
    sql = (PROJECT / "tests/warehouse/seeded_action_is_on_a_session.sql").read_text()
    assert ours.query(compiled(sql, ours.environment())) == [
        ("seeds/split.csv", "NVDA", "split", date(2001, 9, 12), "XNYS")
    ]
