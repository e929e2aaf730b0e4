"""The plugin that profiles.yml names: functions with which SQL lists and checks the raw zone's objects.

See macros/cross_engine/list_raw_objects.sql and raw_lines.sql.
"""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import duckdb
from dbt.adapters.duckdb.plugins import BasePlugin

from tickerlake import raw_zone

_OBJECTS = (
    "STRUCT(path VARCHAR, dataset VARCHAR, dt VARCHAR, hr VARCHAR, size_bytes BIGINT, modified_ns BIGINT, "
    "problem VARCHAR)[]"
)
_CONTENT = "STRUCT(lines BIGINT, crc BIGINT, is_plain BOOLEAN, problem VARCHAR)"


def list_objects(raw: str) -> list[dict[str, Any]]:
    """Return the entries of a raw zone: see `tickerlake.raw_zone.list_objects`."""
    return [asdict(entry) for entry in raw_zone.list_objects(Path(raw))]


def inspect(path: str) -> dict[str, Any]:
    """Return what an object holds: see `tickerlake.raw_zone.inspect`."""
    return asdict(raw_zone.inspect(Path(path)))


def read_lines(path: str) -> list[str]:
    """Return the lines of an object: see `tickerlake.raw_zone.read_lines`."""
    return raw_zone.read_lines(Path(path))


class Plugin(BasePlugin):  # type: ignore[misc]
    """Registers the functions on dbt's connection."""

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        """Register them; they read files, so that no result is folded into the plan."""
        for name, function, result in (
            ("raw_zone_objects", list_objects, _OBJECTS),
            ("raw_object_content", inspect, _CONTENT),
            ("raw_object_lines", read_lines, "VARCHAR[]"),
        ):
            conn.create_function(name, function, ["VARCHAR"], result, side_effects=True)
