"""A warehouse under test on Athena: the same doors as testkit/lake.py, over boto3 and unmodified dbt-athena."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

import boto3
import duckdb
from botocore.loaders import JSONFileLoader

from pipeline.dbt import Dbt
from testkit.lake import DBT, GOOD
from tickerlake.errors import UserError
from tickerlake.lake import PROJECT

RESULTS, WAREHOUSE = "results", "warehouse"

DATASETS = ("bars", "daily_bars", "corporate_actions")
_SAME_IN_DUCKDB = ("integer", "bigint", "smallint", "tinyint", "double", "boolean", "date", "timestamp")


_read_model = cache(JSONFileLoader().load_file)
"""dbt-athena makes clients anew for each statement; half of a build's processor time goes into their files."""


class StatementFailedError(Exception):
    """A statement that Athena did not finish; the text is its reason."""


@dataclass(frozen=True)
class AthenaWarehouse:
    """One set of schemas and one raw bucket of the test's own, on a shared local AWS."""

    name: str
    endpoint: Mapping[str, str]  # the environment that reaches it

    def environment(self) -> dict[str, str]:
        """What dbt and the pipeline need to work here."""
        return {
            **os.environ,
            **self.endpoint,
            "TICKERLAKE_SCHEMA": self.name,
            "TICKERLAKE_RAW_BUCKET": self.raw_bucket,
            "TICKERLAKE_RESULTS_BUCKET": RESULTS,
            "TICKERLAKE_WAREHOUSE_BUCKET": WAREHOUSE,
            "TICKERLAKE_POLL_SECONDS": "0.05",
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
            "DBT_TARGET_PATH": f"target/{self.name}",
        }

    @property
    def raw_bucket(self) -> str:
        """The bucket of the raw zone."""
        return self.name.replace("_", "-") + "-raw"

    def relation(self, mart: str) -> str:
        """The name here of a mart that testkit/lake.py calls schema.table."""
        return mart.replace("tickerlake_", f"{self.name}_", 1)

    def prepare(self) -> None:
        """Make the raw bucket and the raw table."""
        self.client("s3").create_bucket(Bucket=self.raw_bucket)
        for dataset in DATASETS:
            self.dbt("run-operation", "create_raw_table", "--args", f"{{dataset: {dataset}}}")

    def upload(self, lake: Path) -> int:
        """Put the raw objects of a lake folder where Firehose would; those already there stay. Returns how many."""
        s3, uploaded = self.client("s3"), 0
        known = {item["Key"] for item in s3.list_objects_v2(Bucket=self.raw_bucket).get("Contents", [])}
        for file in sorted((lake / "raw").glob("*/*/*/*.ndjson.gz")):
            if file.relative_to(lake).parts[1] not in DATASETS:
                continue
            key = str(file.relative_to(lake))
            if key not in known:
                s3.put_object(Bucket=self.raw_bucket, Key=key, Body=file.read_bytes())
                uploaded += 1
        return uploaded

    def dbt(self, *arguments: str, check: bool = True) -> str:
        """Run dbt in this process; gives what failed. A failing command fails the test unless `check` is off."""
        reads_once = mock.patch.object(JSONFileLoader, "load_file", lambda _, path: _read_model(path))
        with mock.patch.dict(os.environ, self.environment()), reads_once:
            try:
                if arguments[0] == "run-operation":
                    _dbt(self.name).run_operation(arguments[1], args=arguments[3] if arguments[2:] else "{}")
                    return ""
                results = _dbt(self.name).invoke(*arguments)
            except UserError as error:
                assert not check, str(error)
                return str(error)
        bad = [f"{result.name}: {result.message}" for result in results if result.status not in GOOD]
        assert not check or not bad, "\n".join(bad)
        return "\n".join(bad)

    def pipeline(self, *arguments: str) -> str:
        """Run `python -m pipeline`; it must succeed."""
        done = subprocess.run(
            [sys.executable, "-m", "pipeline", *arguments],
            cwd=PROJECT,
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout

    def start_dbt(self, *arguments: str) -> subprocess.Popen[str]:
        """Start dbt in a process of its own, as a user or a scheduler does."""
        return subprocess.Popen(
            [str(DBT), "--no-use-colors", *arguments, "--target", "aws"],
            cwd=PROJECT,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run_killed(self, statements: int, *arguments: str) -> bool:
        """Start dbt and SIGKILL it once it has started so many statements, at most 50. False when it ended before."""
        newest = self._newest()[:1]
        with self.start_dbt(*arguments) as process:
            while process.poll() is None:
                found = self._newest()
                if (found.index(newest[0]) if newest and newest[0] in found else len(found)) >= statements:
                    break
                time.sleep(0.05)
            was_running = process.poll() is None
            process.kill()
            process.communicate()
        return was_running

    def _newest(self) -> list[str]:
        """The ids of the newest 50 statements, newest first."""
        return list(self.client("athena").list_query_executions(MaxResults=50)["QueryExecutionIds"])

    def client(self, service: str) -> Any:
        """A boto3 client of the local AWS."""
        return _client(service, self.endpoint["AWS_ENDPOINT_URL"], self.endpoint["AWS_REGION"])

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Run a query; bare table names are marts. Raises StatementFailedError with Athena's reason."""
        return [tuple(row.values()) for row in self.rows(sql)]

    def rows(self, sql: str, database: str = "") -> list[dict[str, Any]]:
        """Run a query; rows by column name, values typed. Bare table names are of `database`, else marts."""
        athena = self.client("athena")
        started = athena.start_query_execution(
            QueryString=sql,
            QueryExecutionContext={"Database": database or f"{self.name}_marts"},
            ResultConfiguration={"OutputLocation": f"s3://{RESULTS}/tests/"},
        )
        while True:
            found = athena.get_query_execution(QueryExecutionId=started["QueryExecutionId"])["QueryExecution"]
            if found["Status"]["State"] not in ("QUEUED", "RUNNING"):
                break
            time.sleep(0.02)
        if found["Status"]["State"] != "SUCCEEDED":
            raise StatementFailedError(found["Status"].get("StateChangeReason", found["Status"]["State"]))
        first = athena.get_query_results(QueryExecutionId=started["QueryExecutionId"], MaxResults=1)
        columns = {c["Name"]: _duckdb_type(c) for c in first["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]}
        return self._answer(found["ResultConfiguration"]["OutputLocation"], columns) if columns else []

    def _answer(self, location: str, columns: Mapping[str, str]) -> list[dict[str, Any]]:
        """The rows of an answer as it lies in S3: one file, where the API gives a thousand at a time."""
        with tempfile.NamedTemporaryFile(suffix=".csv") as file:
            self.client("s3").download_fileobj(*location.removeprefix("s3://").split("/", 1), file)
            file.flush()
            with duckdb.connect() as connection:
                answer = connection.read_csv(
                    file.name,
                    columns=dict(columns),
                    header=True,
                    delimiter=",",
                    quotechar='"',
                    escapechar='"',
                    na_values="",
                    allow_quoted_nulls=False,
                    parallel=False,
                ).fetchall()
        return [dict(zip(columns, row, strict=True)) for row in answer]

    def mart(self, name: str) -> dict[tuple[Any, ...], dict[str, Any]]:
        """A mart by its key, without batch_id; keys must be unique."""
        rows = self.rows(f"select * from {name}")
        for row in rows:
            row.pop("batch_id", None)
        found = {(r["symbol"], r["bar_interval"], r["source"], r["bar_start_at"]): r for r in rows}
        assert len(found) == len(rows), f"{name} has {len(rows)} rows but {len(found)} keys"
        return found


@cache
def _client(service: str, endpoint: str, region: str) -> Any:
    return boto3.client(
        service,  # type: ignore[call-overload]
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id="local",
        aws_secret_access_key="local",
    )


@cache
def _dbt(name: str) -> Dbt:
    return Dbt("aws", options=["--target-path", f"target/{name}"])


def _duckdb_type(column: Mapping[str, Any]) -> str:
    if column["Type"] == "decimal":
        return f"decimal({column['Precision']}, {column['Scale']})"
    if column["Type"] == "float":
        return "double"
    return str(column["Type"]) if column["Type"] in _SAME_IN_DUCKDB else "varchar"
