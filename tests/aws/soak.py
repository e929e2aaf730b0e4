"""`python -m tests.aws.soak 30 7`: kill dbt on Athena's engine thirty times at random statements, seed 7.

Every three kills the run is made again to its end, and the warehouse must equal DuckDB's, which nobody killed; at the
end it must equal its own full refresh.
"""

import random
import sys
import tempfile
from pathlib import Path

from local_aws.testing import local_aws
from testkit.athena import RESULTS, WAREHOUSE, AthenaWarehouse
from testkit.lake import RESAMPLED, Lake
from tests.aws.twins import Twins, release
from tests.parity.compare import assert_equal

_ROUND = 3


def main(arguments: list[str]) -> int:
    """Run so many kills, from a seed. Raises AssertionError at the first difference."""
    kills, seed = int(arguments[0]), int(arguments[1])
    randomly, rounds = random.Random(seed), -(-kills // _ROUND)
    with (
        local_aws(options=["--bucket", RESULTS, "--bucket", WAREHOUSE]) as aws,
        tempfile.TemporaryDirectory() as folder,
    ):
        local = Lake(Path(folder) / "lake", options=RESAMPLED)
        twins = Twins(local, AthenaWarehouse("soak", aws.environment), 2 * rounds + 1)
        twins.local.folder.mkdir()
        twins.athena.prepare()
        twins.deliver()
        twins.athena.dbt("seed")
        twins.athena.dbt("run")
        done = number = 0
        while done < kills:
            number += 1
            twins.deliver()
            for _ in range(_ROUND):
                at = randomly.randint(1, 50)
                was_running = twins.athena.run_killed(at, "run")
                done += was_running
                print(f"round {number}: {'killed' if was_running else 'ended before'} statement {at}", flush=True)
                release(twins.athena)
            twins.athena.dbt("run")
            twins.local.run()
            assert_equal(twins.local, twins.athena)
        twins.athena.dbt("run", "--full-refresh")
        rows = assert_equal(twins.local, twins.athena)
    print(f"{done} kills, {sum(rows.values()):,} rows of {len(rows)} marts equal to DuckDB's and to a full refresh")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
