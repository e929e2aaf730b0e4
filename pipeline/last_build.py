"""The record of the last published build on one machine, by which a run decides that nothing can have changed.

It imports neither dbt nor DuckDB, so that a run without news costs little.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from loader.store import write_atomically
from pipeline.landed import Listing, list_folder
from tickerlake.paths import PROJECT

RECORD = "state/last_build.json"
_CODE = ("models", "macros", "seeds", "tests/warehouse", "pipeline", "tickerlake")
_FILES = ("dbt_project.yml", "selectors.yml", "packages.yml", "dependencies.yml")
_LIBRARIES = ("dbt-core", "dbt-duckdb", "duckdb")
_EVERYTHING = ("", "nightly")


def read_record(lake: Path) -> dict[str, Any]:
    """Return the record of the last published build; {} when there is none that can be read."""
    try:
        record = json.loads((lake / RECORD).read_text())
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def write_record(lake: Path, raw: Listing, fingerprint: str, selector: str) -> None:
    """Record a build that was published: `raw` and `fingerprint` are those from before it began."""
    record = {"built_at": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC", "selector": selector, "fingerprint": fingerprint}
    write_atomically(lake / RECORD, json.dumps(record | {"tables": _list_tables(lake), "raw": raw}).encode())


def is_unchanged(lake: Path, raw: Listing, fingerprint: str, selector: str) -> bool:
    """Return whether a build would find the raw zone, the tables, the code and the settings of the last one.

    Any doubt is a no: a build that failed or was killed has left other tables, and each day is built once.
    """
    record = read_record(lake)
    return (
        record.get("raw") == raw
        and record.get("fingerprint") == fingerprint
        and record.get("selector") in {*_EVERYTHING, selector}
        and record.get("tables") == _list_tables(lake)
    )


def compute_fingerprint(target: str | None, project: Path = PROJECT) -> str:
    """Return a hash of what else decides what a build makes: code, seeds, vars, profile, environment, date."""
    profiles = Path(os.environ.get("DBT_PROFILES_DIR") or project) / "profiles.yml"
    content = hashlib.sha256(f"{target} {datetime.now(UTC).date()} {[*map(_version, _LIBRARIES)]}".encode())
    for name, value in sorted(os.environ.items()):
        if name.startswith(("TICKERLAKE_", "DBT_")) and name not in ("TICKERLAKE_LAKE", "TICKERLAKE_EXTENSIONS"):
            content.update(f"{name}={value}\n".encode())
    for file in (*_code_files(project), *(project / name for name in _FILES), profiles):
        if file.is_file():
            content.update(f"{file} {file.stat().st_size}\n".encode() + file.read_bytes())
    return content.hexdigest()


def _code_files(project: Path) -> Iterator[Path]:
    for folder in _CODE:
        yield from sorted(file for file in (project / folder).rglob("*") if "__pycache__" not in file.parts)


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return ""


def _list_tables(lake: Path) -> dict[str, Any]:
    """Return the catalogues with the time of their last change, and the number and bytes of the tables' files."""
    files = list_folder(lake / "warehouse").values()
    catalogs = {file.name: [file.stat().st_size, file.stat().st_mtime_ns] for file in lake.glob("*.ducklake*")}
    return {"catalogs": catalogs, "files": len(files), "bytes": sum(size for size, _ in files)}
