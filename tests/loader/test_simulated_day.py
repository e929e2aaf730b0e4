"""Whatever a vendor responds and a stream rejects, every bar of a day arrives, once, in its final version."""

from pathlib import Path

import pytest

from testkit.lake import Lake
from tests.loader.simulated_day import Day, check_warehouse, simulate_day


@pytest.mark.loopback
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_day_with_faults_at_both_ends_lands_every_bar(seed: int, tmp_path: Path) -> None:
    simulate_day(Day(seed), tmp_path)


@pytest.mark.slow
@pytest.mark.loopback
def test_a_day_with_faults_at_both_ends_duplicates_nothing_in_the_warehouse(lake: Lake) -> None:
    check_warehouse(lake, simulate_day(Day(seed=4), lake.folder))
