"""A real Superset on a small lake: the dashboards import, and every chart's query runs through its API."""

from collections.abc import Iterator
from typing import Any

import pytest

from dashboards.catalog import Card, cards
from testkit.superset_server import PYTHON, start_superset
from tests.dashboards.small_lake import small_lake
from tests.dashboards.superset_api import SupersetClient
from tickerlake.lake import extensions

pytestmark = [pytest.mark.slow, pytest.mark.loopback]


@pytest.fixture(scope="module")
def superset(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SupersetClient]:
    if not PYTHON.exists():
        pytest.skip("Superset is not installed: `make dashboards` does it")
    lake = small_lake(tmp_path_factory.mktemp("superset") / "lake")
    with start_superset(lake.folder, environment={"TICKERLAKE_EXTENSIONS": str(extensions())}) as server:
        yield SupersetClient(server.address, server.password)


@pytest.mark.parametrize("card", cards(), ids=lambda card: card.name)
def test_a_chart_runs_and_its_filters_reach_the_query(superset: SupersetClient, card: Card) -> None:
    dataset = superset.charts()[card.title]["datasource_id"]
    unfiltered = superset.rows(card, dataset, [])
    assert unfiltered
    filters: list[dict[str, Any]] = []
    if "symbol" in card.columns:
        filters.append({"col": "symbol", "op": "IN", "val": ["TSLA"]})
    if "interval" in card.filters:
        filters.append({"col": "bar_interval", "op": "IN", "val": ["5min"]})
    chosen = superset.rows(card, dataset, filters)
    assert {row["symbol"] for row in chosen if "symbol" in row} <= {"TSLA"}
    if "interval" in card.filters:
        assert 0 < len(chosen) < len(unfiltered)
