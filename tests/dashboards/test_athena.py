"""Every card of every tool on Athena's engine: the same rows as on DuckDB, the types it promises, within its bytes."""

from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
import yaml

from benchmarks.cost.ledger import executions
from dashboards.catalog import HERE, Card, cards, plain
from dashboards.tools import queries
from pipeline import lake as lakes
from tests.athena import AthenaWarehouse
from tests.dashboards.small_lake import small_lake
from tests.dashboards.test_cards import CHOICES
from tests.lake import Lake

pytestmark = pytest.mark.aws


@pytest.fixture(scope="module")
def engines(athena_warehouse: Callable[[str], AthenaWarehouse], tmp_path_factory: Any) -> tuple[Lake, AthenaWarehouse]:
    lake, athena = small_lake(tmp_path_factory.mktemp("dashboards") / "lake"), athena_warehouse("cards")
    athena.upload(lake.folder)
    athena.dbt("seed")
    athena.dbt("run")
    athena.dbt("run-operation", "publish")
    return lake, athena


def test_every_card_of_every_tool_on_athena(engines: tuple[Lake, AthenaWarehouse]) -> None:
    lake, athena = engines
    client = athena.client("athena")
    budget: dict[str, int] = yaml.safe_load((HERE / "budget.yml").read_text())["bytes_scanned"]
    executed, found, scanned = 0, [], {}
    with closing(lakes.connect(lake.folder)) as local:
        for card in cards():
            before = {statement["QueryExecutionId"] for statement in executions(client, set())}
            for name, chosen in CHOICES.items():
                expected = [] if card.differs_by_engine else local.sql(plain(card, chosen)).fetchall()
                answers: dict[str, list[tuple[Any, ...]]] = {}
                for tool, sql in queries(card, chosen).items():  # one statement for tools that ask the same
                    if sql not in answers:
                        answers[sql] = _read(athena, sql, card)
                        executed += 1
                    if not _same(answers[sql], expected) and not card.differs_by_engine:
                        found.append(f"{card.name}, {name}, {tool}: Athena {answers[sql][:1]}, DuckDB {expected[:1]}")
                    if name.startswith("all") and not answers[sql]:
                        found.append(f"{card.name}, {tool}: no rows")
            scanned[card.name] = max(e["Statistics"]["DataScannedInBytes"] for e in executions(client, before))
    print(f"{executed} statements of {len(cards())} cards; bytes scanned at most: {scanned}")
    found += [f"{name} scans {size}, more than {budget[name]}" for name, size in scanned.items() if size > budget[name]]
    assert not found, "\n".join(found)


def _read(athena: AthenaWarehouse, sql: str, card: Card) -> list[tuple[Any, ...]]:
    """Ask as a tool does: the published schema is the default one."""
    rows = athena.rows(sql, "published")
    assert not rows or list(rows[0]) == list(card.columns), card.name
    return [tuple(row.values()) for row in rows]


def _same(left: list[tuple[Any, ...]], right: list[tuple[Any, ...]]) -> bool:
    return len(left) == len(right) and all(
        a == b or (isinstance(a, float) and a == pytest.approx(b, rel=1e-9, abs=1e-9))
        for one, other in zip(left, right, strict=True)
        for a, b in zip(one, other, strict=True)
    )
