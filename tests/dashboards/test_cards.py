"""Every card's query of every tool: against the marts' contracts, and with data on one machine."""

import re
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import duckdb
import pytest
import yaml

from dashboards import grafana, metabase
from dashboards.catalog import Card, cards, dashboards, reference_query
from dashboards.tools import queries
from tests.dashboards.contracts import binding_errors, columns_of, contracts, empty_marts
from tests.dashboards.small_lake import CHOICES, small_lake
from tickerlake import lake as lakes

OUT_OF_A_SHORT_RANGE = {"return_heatmap"}  # months that begin within it
CARDS = pytest.mark.parametrize("card", cards(), ids=lambda card: card.name)


@pytest.fixture(scope="module")
def marts() -> Iterator[duckdb.DuckDBPyConnection]:
    with closing(empty_marts(contracts())) as connection:
        yield connection


@CARDS
def test_every_tools_query_of_a_card_returns_its_columns(marts: duckdb.DuckDBPyConnection, card: Card) -> None:
    for name, chosen in CHOICES.items():
        for tool, sql in queries(card, chosen).items():
            assert columns_of(marts, sql) == dict(card.columns), f"{name}, {tool}"


def test_metabase_leaves_out_filters_without_a_value(marts: duckdb.DuckDBPyConnection) -> None:
    for card in cards():
        sql = metabase.fill(metabase.query(card), {"interval": "1min"})
        assert "{{" not in sql and "[[" not in sql
        assert columns_of(marts, sql) == dict(card.columns), card.name


def test_the_queries_that_list_values_of_filters_bind(marts: duckdb.DuckDBPyConnection) -> None:
    for sql in (grafana.SYMBOLS, grafana.INTERVALS):
        assert list(columns_of(marts, sql).values()) == ["varchar"]


def test_a_renamed_column_fails_and_names_the_cards() -> None:
    marts = {name: dict(columns) for name, columns in contracts().items()}
    marts["fct_price_change"] = {"other": "bigint"}
    marts["fct_moving_average"]["sma_7"] = marts["fct_moving_average"].pop("sma_5")
    chosen = CHOICES["one symbol, a short range"]
    with closing(empty_marts(marts)) as connection:
        errors = binding_errors(connection, {card.name: reference_query(card, chosen) for card in cards()})
    assert errors.keys() == {"price_averages"}
    assert "sma_5" in errors["price_averages"]


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """A small lake of simulated bars with faults, published."""
    lake = small_lake(tmp_path_factory.mktemp("dashboards") / "lake")
    with closing(lakes.connect(lake.folder)) as connection:
        yield connection


@pytest.mark.slow
@CARDS
def test_a_card_has_rows_that_are_the_same_for_every_tool(published: duckdb.DuckDBPyConnection, card: Card) -> None:
    for name, chosen in CHOICES.items():
        expected: list[tuple[Any, ...]] = published.sql(reference_query(card, chosen)).fetchall()
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
