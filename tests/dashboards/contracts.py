"""The published views by their contracts: empty tables in memory, on which every query must bind."""

from collections.abc import Mapping

import duckdb

from serving import contract


def contracts() -> Mapping[str, Mapping[str, str]]:
    """Return the columns of each mart with their types."""
    return {name: {c.name: c.data_type for c in mart.columns.values()} for name, mart in contract.marts().items()}


def empty_marts(marts: Mapping[str, Mapping[str, str]]) -> duckdb.DuckDBPyConnection:
    """Return a database with these tables, empty."""
    connection = duckdb.connect()
    for mart, columns in marts.items():
        connection.execute(f"create table {mart} ({', '.join(f'{c} {kind}' for c, kind in columns.items())})")
    return connection


def columns_of(connection: duckdb.DuckDBPyConnection, sql: str) -> dict[str, str]:
    """Return the columns of a query's result, with the types' names in Athena."""
    result = connection.sql(sql)
    return {name: str(kind).lower() for name, kind in zip(result.columns, result.types, strict=True)}


def binding_errors(connection: duckdb.DuckDBPyConnection, queries: Mapping[str, str]) -> dict[str, str]:
    """Return why queries do not bind, by the card's name."""
    errors = {}
    for name, sql in queries.items():
        try:
            connection.sql(sql)
        except duckdb.Error as error:
            errors[name] = str(error).splitlines()[0]
    return errors
