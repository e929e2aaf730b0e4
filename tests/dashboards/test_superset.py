"""A real Superset on a small lake: the dashboards import, and every chart's query runs through its API."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from dashboards.catalog import Card, cards
from pipeline.lake import PROJECT, extensions
from tests.dashboards.small_lake import small_lake
from tests.dashboards.superset_api import Superset

pytestmark = [pytest.mark.slow, pytest.mark.loopback, pytest.mark.xdist_group("superset")]
_PYTHON = PROJECT / ".venv-superset" / "bin" / "python"


@pytest.fixture(scope="module")
def superset(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Superset]:
    if not _PYTHON.exists():
        pytest.skip("Superset is not installed: `make dashboards` does it")
    lake = small_lake(tmp_path_factory.mktemp("superset") / "lake")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "TICKERLAKE_LAKE": str(lake.folder), "TICKERLAKE_EXTENSIONS": str(extensions())}
    with (lake.folder / "superset.log").open("w") as log:
        process = subprocess.Popen(
            [str(_PYTHON), "-m", "dashboards.serve", "--port", str(port)],
            cwd=PROJECT, env=environment, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        yield _when_ready(process, f"http://127.0.0.1:{port}", lake.folder)
    finally:
        process.kill()
        process.wait()


def _when_ready(process: "subprocess.Popen[bytes]", base: str, folder: Path) -> Superset:
    for _ in range(600):
        assert process.poll() is None, (folder / "superset.log").read_text()[-3000:]
        try:
            requests.get(f"{base}/health", timeout=5)
        except requests.ConnectionError:
            time.sleep(0.5)
        else:
            return Superset(base, (folder / "superset" / "password").read_text())
    raise TimeoutError((folder / "superset.log").read_text()[-3000:])


@pytest.mark.parametrize("card", cards(), ids=lambda card: card.name)
def test_a_chart_runs_and_its_filters_reach_the_query(superset: Superset, card: Card) -> None:
    dataset = superset.charts()[card.title]["datasource_id"]
    every = superset.rows(card, dataset, [])
    assert every
    filters: list[dict[str, Any]] = []
    if "symbol" in card.columns:
        filters.append({"col": "symbol", "op": "IN", "val": ["TSLA"]})
    if "interval" in card.filters:
        filters.append({"col": "bar_interval", "op": "IN", "val": ["5min"]})
    chosen = superset.rows(card, dataset, filters)
    assert {row["symbol"] for row in chosen if "symbol" in row} <= {"TSLA"}
    if "interval" in card.filters:
        assert 0 < len(chosen) < len(every)
