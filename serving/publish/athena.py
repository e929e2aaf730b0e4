"""The release that is published on Athena, read for the copy: its environment is that of dbt's target `aws`."""

import os
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import boto3
import duckdb
import yaml
from botocore.exceptions import BotoCoreError, ClientError
from pyathena import connect
from pyathena.cursor import Cursor
from pyathena.error import Error

from serving.source import fetched
from tickerlake.errors import UserError
from tickerlake.lake import PROJECT

_SAME_IN_DUCKDB = ("integer", "bigint", "double", "boolean", "date", "timestamp")


class AthenaSource:
    """Views of the published schema. Nothing else may publish meanwhile: a statement sees one release, two need not."""

    def __init__(self, schema: str = "") -> None:
        """Take `schema`, TICKERLAKE_PUBLISHED_SCHEMA, or the project's own. Raises UserError when AWS refuses."""
        default = yaml.safe_load((PROJECT / "dbt_project.yml").read_text())["vars"]["published_schema"]
        results = os.environ.get("TICKERLAKE_RESULTS_BUCKET")
        try:
            self._cursor: Cursor = connect(
                schema_name=schema or os.environ.get("TICKERLAKE_PUBLISHED_SCHEMA") or default,
                work_group=os.environ.get("TICKERLAKE_WORKGROUP", "primary"),
                s3_staging_dir=f"s3://{results}/athena/" if results else None,
                region_name=os.environ.get("AWS_REGION"),
                poll_interval=float(os.environ.get("TICKERLAKE_POLL_SECONDS", "1")),
            ).cursor()
            self._s3 = boto3.client("s3")
        except BotoCoreError as error:
            raise UserError(f"Athena cannot be asked: {error}") from None

    @cached_property
    def _newest(self) -> tuple[int, Any]:
        ((batch, built),) = self.rows("select max(batch_id), max(recorded_at) from fct_model_run")
        if built is None:
            raise UserError("nothing is published on Athena yet: run the job with --target aws")
        return batch, built

    @property
    def tag(self) -> str:
        """The newest batch and when it was built."""
        return f"{self._newest[0]}-{self._newest[1]:%Y%m%dT%H%M%S%f}"

    @property
    def published_at(self) -> str:
        """When the newest batch was built: Athena keeps no better time."""
        return f"{self._newest[1]:%Y-%m-%dT%H:%M:%S.%fZ}"

    def rows(self, sql: str) -> Iterator[tuple[Any, ...]]:
        """Run a statement, fetch its result as the one file that Athena wrote, and give its rows.

        Raises UserError with Athena's or S3's reason.
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
                str(name): _type(str(kind), precision, scale)
                for name, kind, _, _, precision, scale, _ in self._cursor.description or []
            }
            with duckdb.connect() as reading:
                reading.execute(
                    "from read_csv(?, columns = ?, auto_detect = false, header = true, delim = ',', quote = '\"', "
                    "escape = '\"', nullstr = '', allow_quoted_nulls = false)",
                    [str(file), columns],
                )
                yield from fetched(reading)


def _type(kind: str, precision: Any, scale: Any) -> str:
    if kind == "decimal":
        return f"decimal({precision}, {scale})"
    return kind if kind in _SAME_IN_DUCKDB else "varchar"
