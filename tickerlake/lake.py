"""The lake on one machine: its folder, and read-only connections to its catalogues."""

import os
from pathlib import Path

import duckdb

from tickerlake.errors import UserError

PROJECT = Path(__file__).resolve().parent.parent
CATALOG = "catalog.ducklake"
PUBLISHED = "published.ducklake"


def folder(path: str | Path | None = None) -> Path:
    """Return a lake's folder as an absolute path: `path`, else TICKERLAKE_LAKE, else lake/ in the project.

    It has no trailing slash and no `..`. Raises UserError when it has a `?` or a backslash, which DuckDB cannot open.
    """
    chosen = str(path or os.environ.get("TICKERLAKE_LAKE") or PROJECT / "lake")
    absolute = os.path.abspath(chosen)  # noqa: PTH100 - a symbolic link stays what it is
    if refused := sorted({character for character in "?\\\n" if character in absolute}):
        named = ", ".join(map(repr, refused))
        raise UserError(f"lake '{chosen}' has {named} in its path, which is not supported: choose another folder")
    return Path(absolute)


def quote(text: object) -> str:
    """Return a text as a literal of SQL."""
    return "'" + str(text).replace("'", "''") + "'"


def extensions() -> Path:
    """Return the folder of DuckDB's extensions (TICKERLAKE_EXTENSIONS, else below .venv/)."""
    return Path(os.environ.get("TICKERLAKE_EXTENSIONS") or PROJECT / ".venv" / "duckdb_extensions")


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
