"""Recorded market data and small cases of vendors' answers and files: read by tests, never part of the project."""

import os
from pathlib import Path

import pytest

_SHARED = Path(__file__).resolve().parents[2] / "shared"


def path(relative: str) -> Path:
    """Return a file of recorded market data, below TICKERLAKE_REALDATA; skip the test when it is absent."""
    return _existing("TICKERLAKE_REALDATA", "realdata", relative)


def case(relative: str) -> Path:
    """Return a file of the small cases, below TICKERLAKE_CASES; skip the test when it is absent."""
    return _existing("TICKERLAKE_CASES", "cases", relative)


def _existing(variable: str, default: str, relative: str) -> Path:
    folder = Path(os.environ.get(variable) or _SHARED / default)
    if not (folder / relative).exists():
        pytest.skip(f"no {relative} in {folder}: set {variable} to the folder that holds it")
    return folder / relative
