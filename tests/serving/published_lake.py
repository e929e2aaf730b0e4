"""A published lake whose tables are created from the contract and filled by hand, without dbt."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipeline.build import publish_catalogue
from serving.contract import marts
from tickerlake import lake as lakes


class PublishedLake:
    """A lake with the tables of every mart; `publish` makes what was added visible to readers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def create(self) -> None:
        (self.folder / "warehouse").mkdir(parents=True)
        with self.connect() as connection:
            connection.execute("begin; create schema lake.published")
            for mart in marts().values():
                columns = ", ".join(f"{column.name} {column.data_type}" for column in mart.columns.values())
                connection.execute(f"create table lake.published.{mart.name} ({columns})")
            connection.execute("commit")

    @contextmanager
    def connect(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with duckdb.connect(config={"extension_directory": str(lakes.extensions())}) as connection:
            for statement in lakes.attach_statements(self.folder, lakes.CATALOG, is_read_only=False):
                connection.execute(statement)
            yield connection

    def add(self, mart: str, rows: Iterable[dict[str, Any]]) -> None:
        with self.connect() as connection:
            for row in rows:
                columns, placeholders = ", ".join(row), ", ".join("?" * len(row))
                connection.execute(
                    f"insert into lake.published.{mart} ({columns}) values ({placeholders})", list(row.values())
                )

    def publish(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TICKERLAKE_LAKE", str(self.folder))
        publish_catalogue()


def bar(symbol: str, minute: int, close: float = 100, **fields: Any) -> dict[str, Any]:
    return {
        "symbol": symbol,
        "bar_interval": "1min",
        "source": "yahoo",
        "bar_start_at": f"2024-06-07 14:{minute:02d}:00",
        "bar_date": "2024-06-07",
        "session": "regular",
        **dict.fromkeys(("open", "high", "low", "close"), close),
        "volume": 1_000,
        "is_final": True,
        "batch_id": 1,
        **fields,
    }
