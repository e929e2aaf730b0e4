"""The release published on Athena, as a source of the copy; its environment is that of dbt's target `aws`."""

import os
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import boto3
import duckdb
from botocore.exceptions import BotoCoreError, ClientError
from pyathena import connect
from pyathena.cursor import Cursor
from pyathena.error import Error

from serving.contract import published_schema
from serving.release_source import fetch_rows
from tickerlake.errors import UserError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_SAME_IN_DUCKDB = ("integer", "bigint", "double", "boolean", "date", "timestamp")


class AthenaSource:
    """The views of the published schema.

    Each statement sees one release, two statements may see two: nothing else may publish meanwhile.
    """

    def __init__(self, schema: str = "") -> None:
        """Read `schema`, else TICKERLAKE_PUBLISHED_SCHEMA, else the project's. Raises UserError when AWS refuses."""
        results = os.environ.get("TICKERLAKE_RESULTS_BUCKET")
        try:
            self._cursor: Cursor = connect(
                schema_name=schema or os.environ.get("TICKERLAKE_PUBLISHED_SCHEMA") or published_schema(),
                work_group=os.environ.get("TICKERLAKE_WORKGROUP", "primary"),
                s3_staging_dir=f"s3://{results}/athena/" if results else None,
                region_name=os.environ.get("AWS_REGION"),
                poll_interval=float(os.environ.get("TICKERLAKE_POLL_SECONDS", "1")),
            ).cursor()
            self._s3: S3Client = boto3.client("s3")
        except BotoCoreError as error:
            raise UserError(f"cannot connect to Athena: {error}") from None

    @cached_property
    def _newest_build(self) -> tuple[int, Any]:
        ((batch, built),) = self.rows("select max(batch_id), max(recorded_at) from fct_model_run")
        if built is None:
            raise UserError("nothing is published on Athena yet: run the job with --target aws")
        return batch, built

    @property
    def tag(self) -> str:
        """The newest batch and the time of its build."""
        return f"{self._newest_build[0]}-{self._newest_build[1]:%Y%m%dT%H%M%S%f}"

    @property
    def published_at(self) -> str:
        """The time when the newest batch was built, as Athena stores no time of publication."""
        return f"{self._newest_build[1]:%Y-%m-%dT%H:%M:%S.%fZ}"

    def rows(self, sql: str) -> Iterator[tuple[Any, ...]]:
        """Run a statement, download its result as the one file that Athena wrote, and yield its rows.

        Raises UserError with Athena's or S3's message.
        """
        with TemporaryDirectory() as folder:
            file = Path(folder) / "rows.csv"
            try:
                self._cursor.execute(sql)
                bucket, _, key = (self._cursor.output_location or "").removeprefix("s3://").partition("/")
                self._s3.download_file(bucket, key, str(file))
            except (Error, BotoCoreError, ClientError) as error:
                raise UserError(f"Athena: {error}") from None
            columns = {
                str(name): _duckdb_type(str(kind), precision, scale)
                for name, kind, _, _, precision, scale, _ in self._cursor.description or []
            }
            with duckdb.connect() as connection:
                connection.execute(
                    "from read_csv(?, columns = ?, auto_detect = false, header = true, delim = ',', quote = '\"', "
                    "escape = '\"', nullstr = '', allow_quoted_nulls = false)",
                    [str(file), columns],
                )
                yield from fetch_rows(connection)


def _duckdb_type(kind: str, precision: Any, scale: Any) -> str:
    if kind == "decimal":
        return f"decimal({precision}, {scale})"
    return kind if kind in _SAME_IN_DUCKDB else "varchar"
