"""Row for row: what two engines made of the same raw objects."""

from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

from testkit.athena import AthenaWarehouse
from testkit.lake import Lake, public_marts
from tickerlake import lake as lakes

_SHOWN = 5

Rows = dict[tuple[Any, ...], dict[str, Any]]


def differences(
    here_rows: Sequence[dict[str, Any]], there_rows: Sequence[dict[str, Any]], mart: str, key: Sequence[str]
) -> list[str]:
    """Each difference between DuckDB's rows of a mart and Athena's, batch_id apart."""
    here, there = _keyed(here_rows, key), _keyed(there_rows, key)
    differing = [f"{mart} {k}: only on DuckDB: {here[k]}" for k in here.keys() - there.keys()]
    differing += [f"{mart} {k}: only on Athena: {there[k]}" for k in there.keys() - here.keys()]
    for k in here.keys() & there.keys():
        for column, value in here[k].items():
            if column == "batch_id":
                continue
            other = there[k][column]
            if not _same(value, other, float(here[k].get("close") or 1)):
                differing.append(f"{mart} {k} {column}: DuckDB {value!r}, Athena {other!r}")
    return differing


def assert_equal(local: Lake, athena: AthenaWarehouse, without: Collection[str] = ()) -> dict[str, int]:
    """Assert that every public mart but those `without` is equal. Return the number of rows of each mart."""
    rows, differing = {}, []
    marts = {mart: key for mart, key in public_marts().items() if mart.split(".")[1] not in without}
    # most of a small query is waiting
    with ThreadPoolExecutor(4) as pool, closing(lakes.connect(local.folder, lakes.CATALOG)) as connection:
        answers = pool.map(lambda mart: athena.rows(f"select * from {athena.relation(mart)}"), marts)
        for (mart, key), there in zip(marts.items(), answers, strict=True):
            here = connection.sql(f"select * from lake.{mart}")
            here_rows = [dict(zip(here.columns, row, strict=True)) for row in here.fetchall()]
            rows[mart.split(".")[1]] = len(here_rows)
            differing += differences(here_rows, there, mart, key)
    assert not differing, f"{len(differing)} differences, the first:\n" + "\n".join(differing[:_SHOWN])
    print("rows equal on both engines:", rows)
    return rows


def _keyed(rows: Sequence[dict[str, Any]], key: Sequence[str]) -> Rows:
    for row in rows:
        if "source_object" in row:  # the engines name the same object by another root
            row["source_object"] = row["source_object"].split("raw/")[-1]
    differing = {tuple(row[column] for column in key): row for row in rows}
    assert len(differing) == len(rows), f"{len(rows)} rows but {len(differing)} keys {key}"
    return differing


def _same(left: object, right: object, close: float) -> bool:
    if isinstance(left, float) and isinstance(right, float):
        return abs(left - right) <= 1e-12 * max(abs(left), abs(right), close)
    return left == right
