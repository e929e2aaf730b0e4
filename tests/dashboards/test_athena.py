"""Every card of every tool on Athena's engine: the same rows as on DuckDB, the types it promises, within its bytes."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from datetime import date
from typing import Any
from urllib.parse import quote

import pytest
import yaml

from dashboards.catalog import HERE, Card, Filters, cards, reference_query
from dashboards.tools import queries
from pipeline.athena_cost import list_statements
from testkit.athena import RESULTS, AthenaWarehouse
from testkit.lake import Lake
from testkit.superset_server import PYTHON, SupersetServer, start_superset
from tests.dashboards.small_lake import CHOICES, small_lake
from tests.dashboards.superset_api import SupersetClient
from tickerlake import lake as lakes

pytestmark = pytest.mark.aws
ALL_DATA = CHOICES["all symbols, a long range"]
FRESHNESS = next(card for card in cards() if card.name == "freshness")
BEFORE_ALL_DATA = Filters([], date(2020, 1, 1), date(2020, 1, 31))


@pytest.fixture(scope="module")
def superset_server(local_endpoint: Mapping[str, str], tmp_path_factory: Any) -> Iterator[Callable[[], SupersetServer]]:
    """A Superset over Athena, which starts while the tables are built; calling the fixture waits for it."""
    staging = quote(f"s3://{RESULTS}/superset/", safe="")
    uri = f"awsathena+rest://athena.us-east-1.amazonaws.com:443/published?s3_staging_dir={staging}&poll_interval=0.05"
    with ExitStack() as stack, ThreadPoolExecutor(1) as thread:
        home = tmp_path_factory.mktemp("superset")
        started = thread.submit(stack.enter_context, start_superset(home, "--uri", uri, environment=local_endpoint))
        yield started.result


@pytest.fixture(scope="module")
def engines(
    superset_server: object, athena_warehouse: Callable[[str], AthenaWarehouse], tmp_path_factory: Any
) -> tuple[Lake, AthenaWarehouse]:
    lake, athena = small_lake(tmp_path_factory.mktemp("dashboards") / "lake"), athena_warehouse("cards")
    athena.upload(lake.folder)
    athena.dbt("seed")
    athena.dbt("run")
    athena.dbt("run-operation", "publish")
    return lake, athena


def test_every_card_of_every_tool_on_athena(engines: tuple[Lake, AthenaWarehouse]) -> None:
    lake, athena = engines
    budget: dict[str, int] = yaml.safe_load((HERE / "budget.yml").read_text())["bytes_scanned"]
    assert budget.keys() == {card.name for card in cards()}
    executed, problems, scanned = 0, [], {}
    with closing(lakes.connect(lake.folder)) as local, ThreadPoolExecutor(4) as threads:
        for card in cards():
            by_choice = {name: queries(card, chosen) for name, chosen in CHOICES.items()}
            distinct = list({sql for tools in by_choice.values() for sql in tools.values()})
            before = _known(athena)
            rows = dict(zip(distinct, threads.map(lambda sql: athena.rows(sql, "published"), distinct), strict=True))
            executed += len(distinct)
            statements = list_statements(athena.client("athena"), before)
            scanned[card.name] = max(statement["Statistics"]["DataScannedInBytes"] for statement in statements)
            for name, tools in by_choice.items():
                expected = local.sql(reference_query(card, CHOICES[name])).fetchall()
                for tool, sql in tools.items():
                    problems += _differences(f"{card.name}, {name}, {tool}", card, rows[sql], expected)
    print(f"{executed} statements of {len(cards())} cards; bytes scanned at most: {scanned}")
    problems += [
        f"{name} scans {size}, more than {budget[name]}" for name, size in scanned.items() if size > budget[name]
    ]
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("card", [c for c in cards() if "partition" in c.filters], ids=lambda card: card.name)
def test_a_range_without_data_reads_no_partition(engines: tuple[Lake, AthenaWarehouse], card: Card) -> None:
    nothing, everything, series = (
        _scanned(engines[1], reference_query(queried, chosen))
        for queried, chosen in ((card, BEFORE_ALL_DATA), (card, ALL_DATA), (FRESHNESS, ALL_DATA))
    )
    # each view reads the list of primary series, and v_bar_adjusted the newest split factor of all bars
    assert nothing <= series + (everything / 2 if card.name == "price_candles" else 0)


def _scanned(athena: AthenaWarehouse, sql: str) -> int:
    before = _known(athena)
    athena.rows(sql, "published")
    (statement,) = list_statements(athena.client("athena"), before)
    return int(statement["Statistics"]["DataScannedInBytes"])


def test_superset_runs_every_chart_on_athena(
    engines: tuple[Lake, AthenaWarehouse], superset_server: Callable[[], SupersetServer]
) -> None:
    if not PYTHON.exists():
        pytest.skip("Superset is not installed: `make dashboards` does it")
    server = superset_server()
    superset = SupersetClient(server.address, server.password)
    charts = superset.charts()
    before = _known(engines[1])
    for card in cards():
        filters: list[dict[str, Any]] = [{"col": "symbol", "op": "IN", "val": ["TSLA"]}] * ("symbol" in card.columns)
        rows = superset.rows(card, charts[card.title]["datasource_id"], filters)
        assert rows, card.name
        assert {row["symbol"] for row in rows if "symbol" in row} <= {"TSLA"}, card.name
    assert len(list_statements(engines[1].client("athena"), before)) >= len(cards())


def _known(athena: AthenaWarehouse) -> set[str]:
    return {statement["QueryExecutionId"] for statement in list_statements(athena.client("athena"), set())}


def _differences(where: str, card: Card, rows: list[dict[str, Any]], expected: list[tuple[Any, ...]]) -> list[str]:
    """Return how Athena's rows differ from DuckDB's, empty when they do not."""
    if rows and list(rows[0]) != list(card.columns):
        return [f"{where}: columns {list(rows[0])}"]
    if not rows and (expected or "all symbols" in where):
        return [f"{where}: no rows"]
    values = [tuple(row.values()) for row in rows]
    same = card.differs_by_engine or (
        len(values) == len(expected)
        and all(
            a == b or (isinstance(a, float) and a == pytest.approx(b, rel=1e-9, abs=1e-9))
            for row, other in zip(values, expected, strict=True)
            for a, b in zip(row, other, strict=True)
        )
    )
    return [] if same else [f"{where}: Athena {values[:1]}, DuckDB {expected[:1]}"]
