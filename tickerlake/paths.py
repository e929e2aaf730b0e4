"""Folders of the project and of the lake. It imports no library, so that Lambda code may use it."""

import os
from pathlib import Path

from tickerlake.errors import UserError

PROJECT = Path(__file__).resolve().parent.parent


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


def extensions() -> Path:
    """Return the folder of DuckDB's extensions (TICKERLAKE_EXTENSIONS, else below .venv/)."""
    return Path(os.environ.get("TICKERLAKE_EXTENSIONS") or PROJECT / ".venv" / "duckdb_extensions")
