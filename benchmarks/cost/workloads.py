"""The workloads that are priced, each on a warehouse that already holds some weeks of ten symbols."""

import subprocess
import sys
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

from testkit.athena import DATASETS, AthenaWarehouse
from testkit.lake import Lake, bar

_FIRST, _LAST, _NEXT, _AFTER = date(2024, 6, 5), "2024-07-05", "2024-07-08", "2024-07-09"
"""The first day of a history of twenty sessions, and the sessions after it."""
_LONG_AGO, _BEFORE, _YESTERDAY, _TODAY, _NOW = (f"dt=2026-03-{day}/hr=00" for day in ("02", "04", "06", "08", "10"))
"""Arrival hours: more than the overlap apart, so that a run does not read the history's raw lines again."""


class Warehouse:
    """Ten symbols' history on a local AWS, and the workloads by name."""

    def __init__(self, athena: AthenaWarehouse, folder: Path, sessions: int, symbols: str) -> None:
        self.athena = athena
        self._sessions = sessions
        self._symbols = ["--symbols", symbols] if symbols else []
        self._folder = folder
        self.workloads: dict[str, Callable[[], None]] = {
            "first_build": self.first_build,
            "append_a_day": self.append_a_day,
            "append_intraday": self.append_intraday,
            "correct_last_month": self.correct_last_month,
            "read_one_symbols_year": self.read_one_symbols_year,
            "maintain": self.maintain,
        }

    def first_build(self) -> None:
        """Seeds and models from nothing, published without tests."""
        first = _FIRST - timedelta(days=1.46 * max(0, self._sessions - 20))  # a year has 252 sessions or fewer
        self._simulate("history", first.isoformat(), self._sessions - 1, _LONG_AGO, days=260)
        self._simulate("last", _LAST, 1, _BEFORE, days=1)  # so that the next run's overlap of arrivals is a session
        self.athena.dbt("seed")
        self.athena.dbt("run")
        self.athena.dbt("run-operation", "publish")

    def append_a_day(self) -> None:
        """A nightly run: one more session and its days, planned, every test, published."""
        self._simulate("day", _NEXT, 1, _YESTERDAY, days=1)
        self._build()

    def append_intraday(self) -> None:
        """An intraday run: one more session's bars, tested by the gate's tests only, published."""
        self._simulate("intraday", _AFTER, 1, _TODAY)
        self._build("intraday")

    def correct_last_month(self) -> None:
        """One corrected bar of the first session, twenty sessions ago by default."""
        symbol, source, start, basis = self.athena.query(
            "select symbol, source, bar_start_at, price_basis from fct_bar where bar_interval = '1min' "
            "order by bar_start_at, symbol limit 1"
        )[0]
        corrected = bar(
            symbol,
            f"{start:%Y-%m-%dT%H:%M:%SZ}",
            "100",
            source=source,
            price_basis=basis,
            received_at="2099-01-01T00:00:00.000Z",
            run_id="01K00000000000000000000001",
        )
        Lake(self._folder / "correction").land([corrected])
        self._upload("correction", _NOW)
        self._build()

    def read_one_symbols_year(self) -> None:
        """One analyst's query: all bars of one symbol."""
        self.athena.query(
            "select * from fct_bar where symbol = 'TSLA' and bar_interval = '1min' "
            "and bar_date between date '2024-01-01' and date '2024-12-31'"
        )

    def maintain(self) -> None:
        """Pack and vacuum every table, as after a night's run."""
        self.athena.pipeline("maintain", "--target", "aws")

    def _build(self, selector: str = "nightly") -> None:
        self.athena.pipeline("build", "--target", "aws", "--selector", selector)

    def _simulate(self, name: str, first: str, sessions: int, arrival: str, days: int = 0) -> None:
        command = ["simulate", "--first", first, "--sessions", str(sessions), "--history", str(days), *self._symbols]
        command += ["--lake", str(self._folder / name)]
        subprocess.run([sys.executable, "-m", "loader", *command], check=True, stdout=subprocess.DEVNULL)
        self._upload(name, arrival)

    def _upload(self, name: str, arrival: str) -> None:
        s3 = self.athena.client("s3")
        for dataset in DATASETS:
            for file in (self._folder / name / "raw" / dataset).glob("*/*/*.ndjson.gz"):
                key = f"raw/{dataset}/{arrival}/{name}-{file.name}"
                s3.put_object(Bucket=self.athena.raw_bucket, Key=key, Body=file.read_bytes())
