"""What every card and measure shows, against values computed here from rows of the marts."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from datetime import date, datetime, time, timedelta
from itertools import product
from typing import Any

import duckdb
import pytest

from dashboards import superset
from dashboards.catalog import Card, Filters, cards, reference_query
from dashboards.powerbi import MEASURES
from dashboards.tools import queries
from serving.contract import Column, marts
from tests.dashboards.contracts import contracts, empty_marts

Row = dict[str, Any]
Rows = list[Row]
SYMBOLS = ("TSLA", "SCHG", "VOO")
SESSIONS = [date(2024, 5, 30) + timedelta(days=day) for day in range(12)]
CHOICES = {
    "one symbol and day": Filters(["TSLA"], date(2024, 6, 6), date(2024, 6, 6)),
    "two symbols, other bars": Filters(["TSLA", "VOO"], date(2024, 6, 3), date(2024, 6, 7), "5min"),
    "all symbols and days": Filters([], date(2023, 1, 1), date(2027, 12, 31)),
}
CARDS = {card.name: card for card in cards()}
MISSING = {"rsi_14", "price_change_pct", "period_return", "volatility_20", "sma_20", "bytes_scanned"}
"""Columns that miss values in a warm-up, on a first bar, or on an engine that does not report them."""


def value(column: Column, number: int) -> Any:
    """Return a value of the column: each allowed one in turn, every seventh of MISSING absent."""
    if column.values:
        allowed = column.values[number // 2 % len(column.values)]
        return int(allowed) if column.data_type == "integer" else allowed
    kind = column.data_type
    if number % 7 == 3 and column.name in MISSING:
        return None
    if kind == "boolean":
        return number % 3 > 0
    if kind == "date":
        return SESSIONS[number % len(SESSIONS)]
    if kind == "timestamp":
        return datetime.combine(SESSIONS[number % 9], time(number % 24, 30))
    return f"text {number % 4}" if kind == "varchar" else 1 + (number * 37) % 101


@pytest.fixture(scope="module")
def published() -> Iterator[duckdb.DuckDBPyConnection]:
    """The marts by their contract, with rows of three symbols; SCHG begins three sessions after the others."""
    with closing(empty_marts(contracts())) as connection:
        for name, mart in marts().items():
            rows = []
            for number, (session, symbol, interval) in enumerate(product(SESSIONS, SYMBOLS, ("1min", "5min"))):
                if symbol == "SCHG" and session < SESSIONS[3]:
                    continue
                if "bar_interval" not in mart.columns and interval == "5min" and "period" not in mart.columns:
                    continue
                row = {column.name: value(column, number) for column in mart.columns.values()}
                given = {
                    "symbol": symbol,
                    "bar_interval": interval,
                    "session_date": session,
                    "period_start": session,
                    "bar_date": session,
                    "bar_start_at": datetime.combine(session, time(14)),
                    "dt": f"{session}",
                    "period": "month" if interval == "1min" else "week",
                }
                rows.append(list({key: given.get(key, value) for key, value in row.items()}.values()))
            connection.executemany(f"insert into {name} values ({', '.join('?' * len(mart.columns))})", rows)
        yield connection


def read(connection: duckdb.DuckDBPyConnection, mart: str) -> Rows:
    relation = connection.sql(f"select * from {mart}")
    return [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]


def chosen_rows(connection: duckdb.DuckDBPyConnection, mart: str, chosen: Filters) -> Rows:
    """Return the rows of a mart that the filters keep, in no order."""

    def is_chosen(row: Row) -> bool:
        day = row.get("session_date") or row.get("period_start") or row.get("bar_start_at") or row.get("recorded_at")
        day = day or (date.fromisoformat(row["dt"]) if "dt" in row else None)
        day = day.date() if isinstance(day, datetime) else day
        return (
            (not chosen.symbols or "symbol" not in row or row["symbol"] in chosen.symbols)
            and (day is None or mart in ("screen_latest", "screen_top_movers") or chosen.first <= day <= chosen.last)
            and ("bar_start_at" not in row or row["bar_interval"] == chosen.interval)
        )

    return [row for row in read(connection, mart) if is_chosen(row)]


def total(rows: Rows, keys: tuple[str, ...], columns: tuple[str, ...]) -> Rows:
    groups: defaultdict[tuple[Any, ...], Rows] = defaultdict(list)
    for row in rows:
        groups[tuple(row[key] for key in keys)].append(row)
    return [
        dict(zip(keys, key, strict=True))
        | {"runs": len(group)}
        | {column: sum(row[column] or 0 for row in group) for column in columns}
        for key, group in groups.items()
    ]


def since_first(rows: Rows, column: str) -> dict[tuple[str, date], float]:
    """Return 100 times the growth of a column since each symbol's first of these rows."""
    growth: dict[tuple[str, date], float] = {}
    first: dict[str, float] = {}
    for row in sorted(rows, key=lambda row: row["session_date"]):
        base = first.setdefault(row["symbol"], row[column])
        growth[row["symbol"], row["session_date"]] = 100 * (row[column] / base - 1)
    return growth


def present(column: str) -> Callable[[Rows], Rows]:
    return lambda rows: [row for row in rows if row[column] is not None]


def volume_spikes(rows: Rows) -> Rows:
    return [row | {"spike_volume": row["volume"] if row["volume_spike"] == "SPIKE" else None} for row in rows]


def cumulative_return(rows: Rows) -> Rows:
    price, whole = since_first(rows, "price_level"), since_first(rows, "total_level")
    return [
        row
        | {
            "price_return_pct": price[row["symbol"], row["session_date"]],
            "total_return_pct": whole[row["symbol"], row["session_date"]],
        }
        for row in rows
    ]


def arrivals(rows: Rows) -> Rows:
    return [row | {"arrival_date": date.fromisoformat(row["dt"])} for row in rows]


LINES = tuple(name for name in CARDS["load_account"].columns if name.endswith("_lines"))
# the mart that a card shows, and how its chosen rows become the card's, with columns that the card leaves out
ANSWERS: dict[str, tuple[str, Callable[[Rows], Rows]]] = {
    "price_candles": ("v_bar_adjusted", list),
    "price_averages": ("fct_moving_average", list),
    "momentum": ("fct_technical_indicator", present("rsi_14")),
    "signals": ("fct_signal", list),
    "volume_spikes": ("fct_volume_spike", volume_spikes),
    "daily_change": ("fct_daily_return", present("price_change_pct")),
    "cumulative_return": ("fct_return_index", cumulative_return),
    "return_heatmap": (
        "fct_period_summary",
        lambda rows: [
            row | {"period_return_pct": 100 * row["period_return"]}
            for row in present("period_return")(rows)
            if row["period"] == "month"
        ],
    ),
    "movers": ("screen_top_movers", list),
    "latest": ("screen_latest", list),
    "freshness": ("dim_series", lambda rows: [row for row in rows if row["is_primary"]]),
    "gaps": ("fct_gap", lambda rows: total(rows, ("session_date", "reason"), ("missing_minutes",))),
    "quarantine": (
        "quarantined_record",
        lambda rows: total(
            [row | {"refused_lines": row["occurrences"]} for row in arrivals(rows)],
            ("arrival_date", "reasons"),
            ("refused_lines",),
        ),
    ),
    "load_account": ("fct_load_audit", lambda rows: total(arrivals(rows), ("arrival_date",), LINES)),
    "run_cost": (
        "fct_model_run",
        lambda rows: total(
            [row | {"run_date": row["recorded_at"].date()} for row in rows],
            ("run_date", "model"),
            ("seconds", "bytes_scanned"),
        ),
    ),
}


def expected_rows(connection: duckdb.DuckDBPyConnection, card: Card, chosen: Filters) -> Rows:
    """Return the rows that a card has to show with these filters."""
    if card.name == "relative_performance":
        return over_benchmark(connection, chosen)
    if card.name == "volatility_volume":
        days = {(row["symbol"], row["session_date"]): row for row in read(connection, "fct_daily_return")}
        return [
            row
            | {
                "volume_millions": days[row["symbol"], row["session_date"]]["volume_millions"],
                "volatility_20_pct": 100 * row["volatility_20"],
            }
            for row in present("volatility_20")(chosen_rows(connection, "fct_volatility", chosen))
        ]
    mart, answer = ANSWERS[card.name]
    if not card.filters:
        return read(connection, mart)
    return answer(chosen_rows(connection, mart, chosen))


def over_benchmark(connection: duckdb.DuckDBPyConnection, chosen: Filters) -> Rows:
    everyone = chosen_rows(connection, "fct_return_index", Filters([], chosen.first, chosen.last))
    benchmark = {row["session_date"]: row for row in everyone if row["symbol"] == "VOO"}
    rows = []
    for symbol in {row["symbol"] for row in everyone} - {"VOO"}:
        if chosen.symbols and symbol not in chosen.symbols:
            continue
        held = [row for row in everyone if row["symbol"] == symbol and row["session_date"] in benchmark]
        own = since_first(held, "total_level")
        its_benchmark = since_first([benchmark[row["session_date"]] for row in held], "total_level")
        rows += [
            {"session_date": day, "symbol": symbol, "over_benchmark_pct": own[symbol, day] - its_benchmark["VOO", day]}
            for day in (row["session_date"] for row in held)
        ]
    return rows


def comparable(rows: Iterable[Iterable[Any]]) -> list[tuple[Any, ...]]:
    """Return rows sorted, with numbers rounded so that another order of the same sum is equal."""

    def rounded(cell: Any) -> Any:
        return cell if cell is None or isinstance(cell, str | date | bool) else float(f"{float(cell):.9g}")

    return sorted((tuple(map(rounded, row)) for row in rows), key=repr)


@pytest.mark.parametrize("name", CARDS)
@pytest.mark.parametrize("filters", CHOICES)
def test_a_card_shows_the_rows_of_its_mart_in_every_tool(
    published: duckdb.DuckDBPyConnection, name: str, filters: str
) -> None:
    card, chosen = CARDS[name], CHOICES[filters]
    expected = [[row[column] for column in card.columns] for row in expected_rows(published, card, chosen)]
    assert expected or filters != "all symbols and days"
    for tool, sql in queries(card, chosen).items():
        assert comparable(published.sql(sql).fetchall()) == comparable(expected), tool


def evaluate(dax: str, rows: Rows) -> Any:
    """Return a measure over the rows of its table, as DAX defines these functions: blanks are left out."""
    last = re.fullmatch(r"CALCULATE\((.+), LASTNONBLANK\(\w+\[(\w+)\], 1\)\)", dax)
    if last:
        newest = max(row[last[2]] for row in rows)
        return evaluate(last[1], [row for row in rows if row[last[2]] == newest])
    if dax.startswith("COUNTROWS("):
        return len(rows)
    call = re.fullmatch(r"(MAX|MIN|SUM|AVERAGE|COUNT)\(\w+\[(\w+)\]\)", dax)
    assert call, f"this test does not know {dax}"
    values = [row[call[2]] for row in rows if row[call[2]] is not None]
    functions: dict[str, Callable[[list[Any]], Any]] = {
        "MAX": max,
        "MIN": min,
        "SUM": sum,
        "AVERAGE": lambda values: sum(values) / len(values),
        "COUNT": len,
    }
    return functions[call[1]](values)


def newest(rows: Rows, column: str, at: str) -> Any:
    last = max(row[at] for row in rows)
    return max(row[column] for row in rows if row[at] == last)


def mean(values: Iterable[float]) -> float:
    listed = list(values)
    return sum(listed) / len(listed)


# each measure of Power BI from the rows of a mart
MEASURED: dict[str, tuple[str, Callable[[Rows], Any]]] = {
    "Last close": ("v_bar_adjusted", lambda rows: newest(rows, "close", "bar_start_at")),
    "Highest": ("v_bar_adjusted", lambda rows: max(row["high"] for row in present("high")(rows))),
    "Lowest": ("v_bar_adjusted", lambda rows: min(row["low"] for row in present("low")(rows))),
    "Shares traded": ("v_bar_adjusted", lambda rows: sum(row["volume"] or 0 for row in rows)),
    "Volume spikes": (
        "fct_volume_spike",
        lambda rows: sum(row["volume_spike"] == "SPIKE" and row["volume"] is not None for row in rows),
    ),
    "Signals": ("fct_signal", len),
    "Mean daily change %": (
        "fct_daily_return",
        lambda rows: mean(row["price_change_pct"] for row in present("price_change_pct")(rows)),
    ),
    "Best day %": ("fct_daily_return", lambda rows: max(row["price_change_pct"] or -999 for row in rows)),
    "Worst day %": ("fct_daily_return", lambda rows: min(row["price_change_pct"] or 999 for row in rows)),
    "Total return %": (
        "fct_return_index",
        lambda rows: max(
            growth
            for (_, day), growth in since_first(rows, "total_level").items()
            if day == max(row["session_date"] for row in rows)
        ),
    ),
    "Mean volatility %": (
        "fct_volatility",
        lambda rows: 100 * mean(row["volatility_20"] for row in present("volatility_20")(rows)),
    ),
    "Missing minutes": ("fct_gap", lambda rows: sum(row["missing_minutes"] for row in rows)),
    "Refused lines": ("quarantined_record", lambda rows: sum(row["occurrences"] or 0 for row in rows)),
    "Lost lines": ("fct_load_audit", lambda rows: sum(row["missing_lines"] or 0 for row in rows)),
    "Bytes scanned": ("fct_model_run", lambda rows: sum(row["bytes_scanned"] or 0 for row in rows)),
}


@pytest.mark.parametrize(("table", "measure"), [(table, name) for table, of in MEASURES.items() for name in of])
def test_a_power_bi_measure_has_the_value_of_its_mart(
    published: duckdb.DuckDBPyConnection, table: str, measure: str
) -> None:
    chosen = CHOICES["all symbols and days"]
    relation = published.sql(reference_query(CARDS[table], chosen))
    rows = [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]
    mart, expected = MEASURED[measure]
    dax, _ = MEASURES[table][measure]
    assert evaluate(dax, rows) == pytest.approx(float(expected(chosen_rows(published, mart, chosen))))


@pytest.mark.parametrize("name", [name for name, card in CARDS.items() if card.chart_type != "table"])
def test_a_superset_metric_aggregates_no_two_rows(published: duckdb.DuckDBPyConnection, name: str) -> None:
    """Its charts group by x and series, and the mean or sum of one row is that row."""
    card, chosen = CARDS[name], CHOICES["all symbols and days"]
    request = superset.chart_query(card)
    keys = [*request["columns"]]
    selected = ", ".join([*keys, *(f"{metric['sqlExpression']} as {metric['label']}" for metric in request["metrics"])])
    sql = f"select {selected} from ({superset.expand(superset.query(card), chosen)}) group by {', '.join(keys)}"
    shown = [*keys, *(metric["label"] for metric in request["metrics"])]
    expected = [[row[column] for column in shown] for row in expected_rows(published, card, chosen)]
    assert comparable(published.sql(sql).fetchall()) == comparable(expected)
