"""The lake on one machine: its folder, and read-only connections to its catalogues."""

from pathlib import Path

import duckdb

from tickerlake.errors import UserError
from tickerlake.paths import PROJECT, extensions, folder

CATALOG = "catalog.ducklake"
PUBLISHED = "published.ducklake"

__all__ = ["CATALOG", "PROJECT", "PUBLISHED", "attach_statements", "connect", "extensions", "folder", "quote"]


def quote(text: object) -> str:
    """Return a text as a literal of SQL."""
    return "'" + str(text).replace("'", "''") + "'"


def connect(lake: Path, catalog: str = PUBLISHED) -> duckdb.DuckDBPyConnection:
    """Open a catalogue of the lake for reading, attached as `lake`, with its published schema as the default.

    The published catalogue admits any number of processes and stays as it is while a build runs; the working one
    (`CATALOG`) admits one. Raises UserError when there is no such catalogue.
    """
    if not (lake / catalog).exists():
        raise UserError(f"nothing is published in '{lake}': run `make build` (or `make demo` for simulated bars)")
    connection = duckdb.connect(config={"extension_directory": str(extensions())})
    for statement in attach_statements(lake, catalog):
        connection.execute(statement)
    return connection


def attach_statements(
    lake: Path, catalog: str = PUBLISHED, name: str = "lake", *, is_read_only: bool = True
) -> list[str]:
    """List the SQL that attaches a catalogue, as `name`, in any DuckDB that has the ducklake extension."""
    data_path = quote(f"{lake / 'warehouse'}/")
    options = f"data_path {data_path}, override_data_path true{', read_only' if is_read_only else ''}"
    schema = [f"use {name}.published"] if catalog == PUBLISHED else []
    return [
        "load ducklake",
        "set TimeZone = 'UTC'",
        f"attach {quote(f'ducklake:{lake / catalog}')} as {name} ({options})",
        *schema,
    ]
