"""A warehouse under test on Athena: the interface of testkit/lake.py, on boto3 and unmodified dbt-athena."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import boto3
import duckdb
from botocore.loaders import JSONFileLoader

from pipeline.dbt import Dbt
from testkit.lake import DBT, GOOD
from tickerlake.errors import UserError
from tickerlake.lake import PROJECT

if TYPE_CHECKING:
    from mypy_boto3_athena import AthenaClient
    from mypy_boto3_athena.type_defs import ColumnInfoTypeDef

RESULTS, WAREHOUSE = "results", "warehouse"

DATASETS = ("bars", "daily_bars", "corporate_actions")
_SAME_IN_DUCKDB = ("integer", "bigint", "smallint", "tinyint", "double", "boolean", "date", "timestamp")


_read_model = cache(JSONFileLoader().load_file)
"""dbt-athena makes new clients for each statement; reading their models takes half of a build's processor time."""


class StatementFailedError(Exception):
    """A statement that Athena did not finish; the message is its reason."""


@dataclass(frozen=True)
class AthenaWarehouse:
    """One set of schemas and one raw bucket for one test, on a shared local AWS."""

    name: str
    endpoint: Mapping[str, str]  # the environment variables that reach it

    def environment(self) -> dict[str, str]:
        """Return the environment variables with which dbt and the pipeline use this warehouse."""
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
        """Return the name of the raw zone's bucket."""
        return self.name.replace("_", "-") + "-raw"

    def relation(self, mart: str) -> str:
        """Return the name here of a mart that testkit/lake.py calls schema.table."""
        return mart.replace("tickerlake_", f"{self.name}_", 1)

    def prepare(self) -> None:
        """Create the raw bucket and the raw tables."""
        self.client("s3").create_bucket(Bucket=self.raw_bucket)
        for dataset in DATASETS:
            self.dbt("run-operation", "create_raw_table", "--args", f"{{dataset: {dataset}}}")

    def upload(self, lake: Path) -> int:
        """Put the raw objects of a lake folder where Firehose would, except existing ones. Return their number."""
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
        """Run dbt in this process; return the failures. A failing command fails the test unless `check` is off."""
        cached_models = mock.patch.object(JSONFileLoader, "load_file", lambda _, path: _read_model(path))
        with mock.patch.dict(os.environ, self.environment()), cached_models:
            try:
                if arguments[0] == "run-operation":
                    _dbt(self.name).run_operation(arguments[1], args=arguments[3] if arguments[2:] else "{}")
                    return ""
                result = _dbt(self.name).invoke(*arguments)
            except UserError as error:
                assert not check, str(error)
                return str(error)
        failures = [f"{node.name}: {node.message}" for node in result.nodes if node.status not in GOOD]
        failures += [] if result.is_success or failures else ["dbt reports a failure", *result.errors]
        assert not check or not failures, "\n".join(failures)
        return "\n".join(failures)

    def pipeline(self, *arguments: str) -> str:
        """Run `python -m pipeline` and return its output; it must succeed."""
        completed = subprocess.run(
            [sys.executable, "-m", "pipeline", *arguments],
            cwd=PROJECT,
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert completed.returncode == 0, completed.stdout[-3000:] + completed.stderr[-3000:]
        return completed.stdout

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
        """Start dbt and kill it after so many statements, at most 50. Return False when it ended before that."""
        newest = self._newest()[:1]
        with self.start_dbt(*arguments) as process:
            while process.poll() is None:
                ids = self._newest()
                if (ids.index(newest[0]) if newest and newest[0] in ids else len(ids)) >= statements:
                    break
                time.sleep(0.05)
            was_running = process.poll() is None
            process.kill()
            process.communicate()
        return was_running

    def _newest(self) -> list[str]:
        """Return the ids of the newest 50 statements, newest first."""
        athena: AthenaClient = self.client("athena")
        return athena.list_query_executions(MaxResults=50)["QueryExecutionIds"]

    def client(self, service: str) -> Any:
        """Return a boto3 client of the local AWS."""
        return _client(service, self.endpoint["AWS_ENDPOINT_URL"], self.endpoint["AWS_REGION"])

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Run a query and return its rows; bare table names are marts. Raises StatementFailedError with the reason."""
        return [tuple(row.values()) for row in self.rows(sql)]

    def rows(self, sql: str, database: str = "") -> list[dict[str, Any]]:
        """Run a query; return rows by column name, values typed. Bare table names are of `database`, else marts."""
        athena: AthenaClient = self.client("athena")
        execution_id = athena.start_query_execution(
            QueryString=sql,
            QueryExecutionContext={"Database": database or f"{self.name}_marts"},
            ResultConfiguration={"OutputLocation": f"s3://{RESULTS}/tests/"},
        )["QueryExecutionId"]
        while True:
            execution = athena.get_query_execution(QueryExecutionId=execution_id)["QueryExecution"]
            if execution["Status"]["State"] not in ("QUEUED", "RUNNING"):
                break
            time.sleep(0.02)
        if execution["Status"]["State"] != "SUCCEEDED":
            raise StatementFailedError(execution["Status"].get("StateChangeReason", execution["Status"]["State"]))
        first = athena.get_query_results(QueryExecutionId=execution_id, MaxResults=1)
        columns = {c["Name"]: _duckdb_type(c) for c in first["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]}
        return self._download(execution["ResultConfiguration"]["OutputLocation"], columns) if columns else []

    def _download(self, location: str, columns: Mapping[str, str]) -> list[dict[str, Any]]:
        """Return the rows of a result from its file in S3; the API returns only a thousand at a time."""
        with tempfile.NamedTemporaryFile(suffix=".csv") as file:
            self.client("s3").download_fileobj(*location.removeprefix("s3://").split("/", 1), file)
            file.flush()
            with duckdb.connect() as connection:
                rows = connection.read_csv(
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
        return [dict(zip(columns, row, strict=True)) for row in rows]

    def mart(self, name: str) -> dict[tuple[Any, ...], dict[str, Any]]:
        """Return a mart's rows by their key, without batch_id; keys must be unique."""
        rows = self.rows(f"select * from {name}")
        for row in rows:
            row.pop("batch_id", None)
        by_key = {(r["symbol"], r["bar_interval"], r["source"], r["bar_start_at"]): r for r in rows}
        assert len(by_key) == len(rows), f"{name} has {len(rows)} rows but {len(by_key)} keys"
        return by_key


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


def _duckdb_type(column: "ColumnInfoTypeDef") -> str:
    if column["Type"] == "decimal":
        return f"decimal({column['Precision']}, {column['Scale']})"
    if column["Type"] == "float":
        return "double"
    return column["Type"] if column["Type"] in _SAME_IN_DUCKDB else "varchar"
