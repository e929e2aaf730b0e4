"""The workloads that are priced, each on a warehouse that already holds some weeks of ten symbols."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.athena import AthenaWarehouse
from tests.lake import Lake, bar

_FIRST, _NEXT = "2024-06-05", "2024-07-08"
_LONG_AGO, _YESTERDAY, _NOW = "dt=2026-03-02/hr=00", "dt=2026-03-05/hr=00", "dt=2026-03-07/hr=00"
"""Arrival hours: more than the overlap apart, so that a run does not read the history's raw lines again."""


class Warehouse:
    """Ten symbols' history on a local AWS, and the workloads by name."""

    def __init__(self, athena: AthenaWarehouse, folder: Path, *, with_tests: bool = True, sessions: int = 20) -> None:
        self.athena = athena
        self._with_tests = with_tests
        self._sessions = sessions
        self._folder = folder
        self.workloads: dict[str, Callable[[], None]] = {
            "first_build": self.first_build,
            "append_a_day": self.append_a_day,
            "correct_last_month": self.correct_last_month,
            "read_a_symbols_history": self.read_a_symbols_history,
        }

    def first_build(self) -> None:
        """Seeds and models from nothing, without tests."""
        self._simulate("history", _FIRST, self._sessions, _LONG_AGO)
        self.athena.dbt("seed")
        self.athena.dbt("run")

    def append_a_day(self) -> None:
        """What a nightly run does: one more session, planned, every test, published."""
        self._simulate("day", _NEXT, 1, _YESTERDAY)
        self._build()

    def correct_last_month(self) -> None:
        """One corrected bar of the first session, twenty sessions ago by default."""
        symbol, source, start, basis = self.athena.query(
            "select symbol, source, bar_start_at, price_basis from fct_bar order by bar_start_at, symbol limit 1"
        )[0]
        corrected = bar(
            symbol, f"{start:%Y-%m-%dT%H:%M:%SZ}", "100", source=source, price_basis=basis,
            received_at="2099-01-01T00:00:00.000Z", run_id="01K00000000000000000000001",
        )  # fmt: skip
        Lake(self._folder / "correction").land([corrected])
        self._upload("correction", _NOW)
        self._build()

    def read_a_symbols_history(self) -> None:
        """One analyst's query: all bars of one symbol."""
        self.athena.query("select * from fct_bar where symbol = 'TSLA' and bar_date >= date '2024-01-01'")

    def _build(self) -> None:
        """Build as `make build` does; without tests, only what the models take."""
        if self._with_tests:
            self.athena.pipeline("build", "--target", "aws")
            return
        os.environ["TICKERLAKE_MERGE_FROM"] = ""
        said = self.athena.dbt("--quiet", "run-operation", "plan_merge")
        os.environ["TICKERLAKE_MERGE_FROM"] = said.split("merge_from=")[-1].strip()
        self.athena.dbt("run")

    def _simulate(self, name: str, first: str, sessions: int, arrival: str) -> None:
        command = ["simulate", "--first", first, "--sessions", str(sessions), "--lake", str(self._folder / name)]
        subprocess.run([sys.executable, "-m", "loader", *command], check=True, stdout=subprocess.DEVNULL)
        self._upload(name, arrival)

    def _upload(self, name: str, arrival: str) -> None:
        s3 = self.athena.client("s3")
        for file in (self._folder / name / "raw" / "bars").glob("*/*/*.ndjson.gz"):
            key = f"raw/bars/{arrival}/{name}-{file.name}"
            s3.put_object(Bucket=self.athena.raw_bucket, Key=key, Body=file.read_bytes())
