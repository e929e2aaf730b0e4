"""Every card as every tool asks it: against the marts' contracts, and with data on one machine."""

import re
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from typing import Any

import duckdb
import pytest
import yaml

from dashboards import grafana, metabase
from dashboards.catalog import Card, Filters, cards, dashboards, plain
from dashboards.tools import queries
from tests.dashboards.contracts import broken, columns_of, contracts, empty_marts
from tests.dashboards.small_lake import small_lake
from tickerlake import lake as lakes

MIDDLE, LAST = date(2024, 6, 6), date(2024, 6, 7)  # of the three sessions in the small lake
CHOICES = {
    "one symbol, a short range": Filters(["TSLA"], MIDDLE, MIDDLE),
    "two symbols, a short range": Filters(["TSLA", "VOO"], MIDDLE, LAST, "5min"),
    "all symbols, a long range": Filters([], date(2023, 1, 1), date(2027, 12, 31)),
}
OUT_OF_A_SHORT_RANGE = {"return_heatmap"}  # months that begin within it
CARDS = pytest.mark.parametrize("card", cards(), ids=lambda card: card.name)


@pytest.fixture(scope="module")
def marts() -> Iterator[duckdb.DuckDBPyConnection]:
    with closing(empty_marts(contracts())) as connection:
        yield connection


@CARDS
def test_a_card_gives_its_columns_whatever_tool_asks(marts: duckdb.DuckDBPyConnection, card: Card) -> None:
    for name, chosen in CHOICES.items():
        for tool, sql in queries(card, chosen).items():
            assert columns_of(marts, sql) == dict(card.columns), f"{name}, {tool}"


def test_metabase_leaves_out_filters_without_a_value(marts: duckdb.DuckDBPyConnection) -> None:
    for card in cards():
        sql = metabase.fill(metabase.query(card), {"interval": "1min"})
        assert "{{" not in sql and "[[" not in sql
        assert columns_of(marts, sql) == dict(card.columns), card.name


def test_what_the_filters_of_dashboards_list_can_be_asked(marts: duckdb.DuckDBPyConnection) -> None:
    for sql in (grafana.SYMBOLS, grafana.INTERVALS):
        assert list(columns_of(marts, sql).values()) == ["varchar"]


def test_a_renamed_column_is_found_and_names_the_cards() -> None:
    marts = {name: dict(columns) for name, columns in contracts().items()}
    marts["fct_price_change"] = {"other": "bigint"}
    marts["fct_moving_average"]["sma_7"] = marts["fct_moving_average"].pop("sma_5")
    with closing(empty_marts(marts)) as connection:
        found = broken(connection, {card.name: plain(card, CHOICES["one symbol, a short range"]) for card in cards()})
    assert found.keys() == {"price_averages"}
    assert "sma_5" in found["price_averages"]


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """A small lake of simulated bars with faults, published."""
    lake = small_lake(tmp_path_factory.mktemp("dashboards") / "lake")
    with closing(lakes.connect(lake.folder)) as connection:
        yield connection


@pytest.mark.slow
@CARDS
@pytest.mark.xdist_group("dashboards")
def test_a_card_has_rows_that_are_the_same_for_every_tool(published: duckdb.DuckDBPyConnection, card: Card) -> None:
    for name, chosen in CHOICES.items():
        expected: list[tuple[Any, ...]] = published.sql(plain(card, chosen)).fetchall()
        for tool, sql in queries(card, chosen).items():
            assert published.sql(sql).fetchall() == expected, f"{card.name}, {name}, {tool}"
        if name.startswith("all") or ("symbol" in card.columns and card.name not in OUT_OF_A_SHORT_RANGE):
            assert expected, f"{card.name}, {name}"


def test_each_dashboard_is_an_exposure_of_the_marts_that_its_cards_read() -> None:
    exposures = yaml.safe_load((lakes.PROJECT / "models" / "exposures.yml").read_text())["exposures"]
    described = {
        exposure["name"].removeprefix("dashboard_"): {re.findall(r"'(\w+)'", ref)[0] for ref in exposure["depends_on"]}
        for exposure in exposures
    }
    read = {
        name: {mart for card in board.cards for mart in contracts() if re.search(rf"\b(from|join) {mart}\b", card.sql)}
        for name, board in dashboards().items()
    }
    assert described == {name: marts | {"dim_series"} for name, marts in read.items()}  # which the filters list
