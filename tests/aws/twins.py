"""One raw zone on both engines, delivered to in parts."""

from datetime import UTC, datetime
from typing import Any

from loader.__main__ import main as loader
from testkit.athena import AthenaWarehouse, StatementFailedError
from testkit.lake import Lake, bar


class Twins:
    """One raw zone, read by two warehouses."""

    def __init__(self, local: Lake, athena: AthenaWarehouse, parts: int = 6) -> None:
        self.local, self.athena, self._parts = local, athena, parts
        self._part = 0

    def deliver(self) -> None:
        """Land the next delivery of simulated bars, days and corporate actions with faults, on both."""
        self._part += 1
        options = ["--symbols", "TSLA,NVDA,BTC-USD", "--sessions", "3", "--history", "80"]
        options += ["--part", f"{self._part}/{self._parts}", "--lake", str(self.local.folder)]
        assert loader(["simulate", "--faults", *options]) == 0
        assert self.athena.upload(self.local.folder) >= 1

    def land(self, *records: dict[str, Any]) -> None:
        """Land records on both, in the current hour."""
        now = datetime.now(UTC)
        self.local.land(records, hour=now.strftime("%Y-%m-%d %H"), name=f"extra-{now.timestamp()}")
        assert self.athena.upload(self.local.folder) == 1

    def correction_of_the_first_bar(self) -> dict[str, Any]:
        """A later final version of the oldest bar, with another close and volume."""
        rows = self.local.query(
            "select symbol, source, bar_start_at, price_basis, high from fct_bar where bar_interval = '1min' "
            "order by bar_start_at, symbol limit 1"
        )
        symbol, source, start, basis, high = rows[0]
        return bar(
            symbol,
            f"{start:%Y-%m-%dT%H:%M:%SZ}",
            str(high + 1),
            source=source,
            price_basis=basis,
            volume="77777",
            received_at="2099-01-01T00:00:00.000Z",
            run_id="01K00000000000000000000001",
        )


def release(athena: AthenaWarehouse) -> None:
    """Release the lease of a killed run, as its message asks the user to, if it had acquired one."""
    try:
        holder = athena.query(f"select holder from {athena.name}_audit.run_lease")[0][0]
    except StatementFailedError:
        return
    athena.dbt("run-operation", "release_lease", "--args", f"{{holder: {holder}}}")
