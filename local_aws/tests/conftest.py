"""One local AWS for all tests, and a small client for it."""

import os
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from local_aws.testing import LocalAws, local_aws

if TYPE_CHECKING:
    from mypy_boto3_athena.type_defs import QueryExecutionTypeDef

RESULTS = "s3://results/tests/"


@dataclass(frozen=True)
class FinishedQuery:
    """A QueryExecution of the API and its rows without the header."""

    execution: "QueryExecutionTypeDef"
    rows: list[list[str | None]]

    @property
    def state(self) -> str:
        return str(self.execution["Status"]["State"])

    @property
    def reason(self) -> str:
        return str(self.execution["Status"].get("StateChangeReason", ""))

    @property
    def scanned(self) -> int:
        return int(self.execution["Statistics"]["DataScannedInBytes"])


class AthenaRunner:
    """Runs statements and waits for their end."""

    def __init__(self, aws: LocalAws) -> None:
        self.aws = aws
        self.api = boto3.client("athena")

    def start(self, sql: str, **options: Any) -> str:
        options.setdefault("ResultConfiguration", {"OutputLocation": RESULTS})
        options.setdefault("QueryExecutionContext", {"Database": "tests"})
        return str(self.api.start_query_execution(QueryString=sql, **options)["QueryExecutionId"])

    def wait(self, execution_id: str, seconds: float = 60) -> "QueryExecutionTypeDef":
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            execution = self.api.get_query_execution(QueryExecutionId=execution_id)["QueryExecution"]
            if execution["Status"]["State"] not in ("QUEUED", "RUNNING"):
                return execution
            time.sleep(0.03)
        raise AssertionError(f"execution {execution_id} still runs after {seconds} s")

    def run(self, sql: str, **options: Any) -> FinishedQuery:
        execution = self.wait(self.start(sql, **options))
        if execution["Status"]["State"] != "SUCCEEDED":
            return FinishedQuery(execution, [])
        page = self.api.get_query_results(QueryExecutionId=execution["QueryExecutionId"])
        rows = [[cell.get("VarCharValue") for cell in row["Data"]] for row in page["ResultSet"]["Rows"]]
        has_header = execution["StatementType"] == "DML" and execution["SubstatementType"] == "SELECT"
        return FinishedQuery(execution, rows[1:] if has_header else rows)

    def rows_of(self, sql: str, **options: Any) -> list[list[str | None]]:
        query = self.run(sql, **options)
        assert query.state == "SUCCEEDED", f"{query.reason}\n{sql}"
        return query.rows


@pytest.fixture(scope="session")
def aws() -> Iterator[LocalAws]:
    with local_aws(Path(sys.executable), ["--bucket", "results", "--bucket", "lake"]) as running:
        os.environ.update(running.environment)
        yield running


@pytest.fixture(scope="session")
def athena(aws: LocalAws) -> AthenaRunner:
    runner = AthenaRunner(aws)
    runner.rows_of("create database if not exists tests")
    return runner


@pytest.fixture
def table(athena: AthenaRunner, request: pytest.FixtureRequest) -> str:
    """Return the name of a new Iceberg table of 2,000 rows (id, v)."""
    name = re.sub(r"\W+", "_", request.node.name).strip("_").lower()[:80]
    athena.rows_of(
        f"create table tests.{name} with (table_type = 'ICEBERG', location = 's3://lake/{name}', is_external = false) "
        "as select n as id, 0 as v from unnest(sequence(1, 2000)) as t (n)"
    )
    return f"tests.{name}"
