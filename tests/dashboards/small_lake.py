"""A published lake: three symbols, one thinly traded, three sessions of minutes and eighty days, with faults."""

from datetime import date
from pathlib import Path

from dashboards.catalog import Filters
from loader.__main__ import main as loader
from pipeline.build import publish_catalogue
from testkit.lake import RESAMPLED, Lake, dbt, without_resampling

_MIDDLE, _LAST = date(2024, 6, 6), date(2024, 6, 7)  # of the three sessions
CHOICES = {
    "one symbol, a short range": Filters(["TSLA"], _MIDDLE, _MIDDLE),
    "two symbols, a short range": Filters(["TSLA", "VOO"], _MIDDLE, _LAST, "5min"),
    "all symbols, a long range": Filters([], date(2023, 1, 1), date(2027, 12, 31)),
}
"""Values of the filters that the tests run every card with."""


def small_lake(folder: Path) -> Lake:
    """Land, build and publish the bars; return their lake."""
    lake = Lake(folder, options=RESAMPLED)
    lake.folder.mkdir()
    options = ["--faults", "--symbols", "TSLA,SCHG,VOO", "--sessions", "3", "--history", "80"]
    assert loader(["simulate", *options, "--lake", str(lake.folder)]) == 0
    lake.run()
    dbt(options=without_resampling(RESAMPLED)).run_operation("publish")
    publish_catalogue()
    return lake
