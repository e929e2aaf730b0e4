"""Real recorded bars and vendor payloads: read by tests, never part of the project."""

import os
from pathlib import Path

import pytest

_FOLDER = Path(os.environ.get("TICKERLAKE_REALDATA") or Path(__file__).resolve().parents[2] / "shared" / "realdata")


def path(relative: str) -> Path:
    """Give a file of the real data, or skip the test that asks for it, saying what is missing."""
    found = _FOLDER / relative
    if not found.exists():
        pytest.skip(f"no {relative} in {_FOLDER}: set TICKERLAKE_REALDATA to a folder of recorded market data")
    return found
