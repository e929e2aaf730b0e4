"""The published views as their contracts promise them: empty tables in memory, on which every query must bind."""

from collections.abc import Mapping

import duckdb

from serving import contract


def contracts() -> Mapping[str, Mapping[str, str]]:
    """The columns of each mart with their types."""
    return {name: {c.name: c.data_type for c in mart.columns.values()} for name, mart in contract.marts().items()}


def empty_marts(marts: Mapping[str, Mapping[str, str]]) -> duckdb.DuckDBPyConnection:
    """A database with these tables."""
    connection = duckdb.connect()
    for mart, columns in marts.items():
        connection.execute(f"create table {mart} ({', '.join(f'{c} {kind}' for c, kind in columns.items())})")
    return connection


def columns_of(connection: duckdb.DuckDBPyConnection, sql: str) -> dict[str, str]:
    """The columns that a query gives, with the types' names as Athena has them."""
    answer = connection.sql(sql)
    return {name: str(kind).lower() for name, kind in zip(answer.columns, answer.types, strict=True)}


def broken(connection: duckdb.DuckDBPyConnection, queries: Mapping[str, str]) -> dict[str, str]:
    """Why queries do not bind, by the card's name."""
    found = {}
    for name, sql in queries.items():
        try:
            connection.sql(sql)
        except duckdb.Error as error:
            found[name] = str(error).splitlines()[0]
    return found
