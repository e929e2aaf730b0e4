"""A published lake: three symbols, one thinly traded, three sessions of minutes and eighty days, with faults."""

from pathlib import Path

from loader.__main__ import main as loader
from pipeline.build import publish_catalogue
from testkit.lake import RESAMPLED, Lake, dbt, without_resampling


def small_lake(folder: Path) -> Lake:
    """Land, build and publish it."""
    lake = Lake(folder, options=RESAMPLED)
    lake.folder.mkdir()
    options = ["--faults", "--symbols", "TSLA,SCHG,VOO", "--sessions", "3", "--history", "80"]
    assert loader(["simulate", *options, "--lake", str(lake.folder)]) == 0
    lake.run()
    dbt(options=without_resampling(RESAMPLED)).run_operation("publish")
    publish_catalogue()
    return lake
