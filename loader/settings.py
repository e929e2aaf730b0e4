"""Settings from the command line and the environment, read once."""

import os
from dataclasses import dataclass
from pathlib import Path

from loader.errors import LoaderError
from loader.providers import yahoo


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the lake lies, and which host plays Yahoo (TICKERLAKE_YAHOO_URL, for tests and mirrors)."""

    lake: Path
    yahoo_url: str


def read(lake: str | None) -> Settings:
    """Combine `--lake` with the environment (TICKERLAKE_LAKE). Raises LoaderError when the lake is no folder."""
    folder = Path(lake or os.environ.get("TICKERLAKE_LAKE") or "lake")
    if folder.exists() and not folder.is_dir():
        raise LoaderError(f"lake '{folder}' is a file: choose a folder with --lake or TICKERLAKE_LAKE")
    return Settings(folder, os.environ.get("TICKERLAKE_YAHOO_URL") or yahoo.URL)
