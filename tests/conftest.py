"""What every test may use: a lake of its own to land bars in and build."""

import os
from pathlib import Path

import pytest

from tests.lake import Lake

os.environ.setdefault("DBT_SEND_ANONYMOUS_USAGE_STATS", "false")


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    """An empty lake, which dbt and the loader use for the length of one test."""
    monkeypatch.setenv("TICKERLAKE_LAKE", str(tmp_path / "lake"))
    return Lake(tmp_path / "lake")
