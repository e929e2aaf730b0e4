"""Row for row: what two engines made of the same raw objects."""

from collections.abc import Sequence
from typing import Any

from pipeline import lake as lakes
from tests.athena import AthenaWarehouse
from tests.lake import Lake

_BAR = ("symbol", "bar_interval", "source", "bar_start_at")
TABLES: dict[str, tuple[str, ...]] = {  # relation: its key; every public mart is here
    "marts.fct_bar": _BAR,
    "marts.fct_price_change": _BAR,
    "marts.fct_moving_average": _BAR,
    "marts.fct_volume_spike": _BAR,
    "marts.fct_technical_indicator": _BAR,
    "marts.fct_signal": ("signal_id",),
    "marts.dim_series": ("symbol", "bar_interval", "source"),
    "marts.dim_symbol": ("symbol",),
    "marts.dim_session": ("mic", "session_date"),
    "audit.quarantined_record": ("source_object", "line_sha256"),
}
_SHOWN = 5

Rows = dict[tuple[Any, ...], dict[str, Any]]


def differences(local: Lake, athena: AthenaWarehouse, relation: str) -> tuple[int, list[str]]:
    """Compare one relation of both engines, batch_id apart. Gives its rows, and each difference with both values."""
    schema, table = relation.split(".")
    key = TABLES[relation]
    here = _keyed(_local_rows(local, f"lake.tickerlake_{schema}.{table}"), key)
    there = _keyed(athena.rows(f"select * from {athena.name}_{schema}.{table}"), key)
    found = [f"{relation} {k}: only on DuckDB: {here[k]}" for k in here.keys() - there.keys()]
    found += [f"{relation} {k}: only on Athena: {there[k]}" for k in there.keys() - here.keys()]
    for k in here.keys() & there.keys():
        for column, value in here[k].items():
            if column == "batch_id":
                continue
            other = there[k][column]
            if not _same(value, other, float(here[k].get("close") or 1)):
                found.append(f"{relation} {k} {column}: DuckDB {value!r}, Athena {other!r}")
    return len(here), found


def assert_equal(local: Lake, athena: AthenaWarehouse) -> dict[str, int]:
    """Hold every public relation equal. Gives the rows compared of each."""
    rows, found = {}, []
    for relation in TABLES:
        rows[relation], different = differences(local, athena, relation)
        found += different
    assert not found, f"{len(found)} differences, the first:\n" + "\n".join(found[:_SHOWN])
    return rows


def _local_rows(local: Lake, relation: str) -> list[dict[str, Any]]:
    connection = lakes.connect(local.folder, lakes.CATALOG)
    try:
        answer = connection.sql(f"select * from {relation}")
        return [dict(zip(answer.columns, row, strict=True)) for row in answer.fetchall()]
    finally:
        connection.close()


def _keyed(rows: Sequence[dict[str, Any]], key: tuple[str, ...]) -> Rows:
    for row in rows:
        if "source_object" in row:  # the engines name the same object by another root
            row["source_object"] = row["source_object"].split("raw/bars/")[-1]
    found = {tuple(row[column] for column in key): row for row in rows}
    assert len(found) == len(rows), f"{len(rows)} rows but {len(found)} keys {key}"
    return found


def _same(left: object, right: object, close: float) -> bool:
    if isinstance(left, float) and isinstance(right, float):
        return abs(left - right) <= 1e-12 * max(abs(left), abs(right), close)
    return left == right
