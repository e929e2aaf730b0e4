"""Run statements: one from its start to its end, and the store of all executions."""

import json
import re
import tempfile
import threading
import time
import traceback
import urllib.parse
import uuid
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from local_aws.athena.errors import InvalidRequestError, QueryCancelledError, StatementError
from local_aws.athena.glue_actions import GlueActions
from local_aws.athena.results import ResultRows
from local_aws.athena.sql_text import decimals_to_doubles, quote_literal, strip_leading_comments
from local_aws.athena.statements.plan import StatementPlan, StatementType
from local_aws.athena.statements.planner import plan_statement
from local_aws.athena.trino import QueryContext, QueryResult, TrinoClient
from local_aws.athena.workgroups import ENGINE_VERSION
from local_aws.boto_types import GlueClient, S3Client
from local_aws.catalogs import HIVE, ICEBERG

_MAX_EXECUTIONS = 10_000
_MAX_EXECUTIONS_WITH_ROWS = 500
_MAX_CONCURRENT = 20  # Athena's default quota of active DML queries


@dataclass(frozen=True, slots=True)
class QueryRequest:
    """A request of StartQueryExecution with the workgroup's settings applied."""

    sql: str
    database: str
    workgroup: str
    output: str  # s3:// prefix
    cutoff: int | None  # bytes
    parameters: tuple[str, ...]
    token: str


@dataclass(frozen=True, slots=True)
class ExecutionServices:
    """The clients and the folder that executions work with."""

    trino: TrinoClient
    glue: GlueClient
    s3: S3Client
    scratch: Path
    prepared_sql: Callable[[str, str], str]  # (workgroup, name) -> statement; raises StatementError


class QueryExecution:
    """A statement with its state, its cost and its rows."""

    def __init__(self, request: QueryRequest, services: ExecutionServices) -> None:
        self.id = str(uuid.uuid4())
        self.request = request
        self.state = "QUEUED"
        self.reason = ""
        self.error: dict[str, object] | None = None
        self.statement_type: StatementType = "DML"
        self.substatement_type = ""
        self.results: ResultRows | None = ResultRows(services.scratch)
        self.scanned_bytes = self.engine_ms = self.queued_ms = self.planning_ms = 0
        self.update_count: int | None = None
        self.finished = threading.Event()
        self.submitted_at = time.time()
        self.completed_at: float | None = None
        self.is_stopped = False
        self._data_location = self._manifest_location = ""
        self._services = services
        self._context = QueryContext(request.database, self.id)

    @property
    def output_location(self) -> str:
        """Return the s3:// address of the results."""
        return f"{self.request.output}/{self.id}" + (".csv" if self.statement_type == "DML" else ".txt")

    def run(self) -> None:
        """Run to the end; an error becomes the execution's state."""
        assert self.results is not None
        try:
            self._check_stop(0)
            self.state = "RUNNING"
            sql, parameters = self._resolve_statement()
            self._execute(plan_statement(sql, self.request.database, self.request.output), parameters)
            if self.statement_type == "DDL" or (self.update_count is not None and self.substatement_type != "SELECT"):
                self.results.clear()
            self._write_results()
            self._write_manifest()
            state = "SUCCEEDED"
        except QueryCancelledError as error:
            state, self.reason = "CANCELLED", str(error)
        except (StatementError, InvalidRequestError) as error:
            failure = error if isinstance(error, StatementError) else StatementError(str(error))
            state, self.reason = "FAILED", str(failure).replace(f"{ICEBERG}.", f"{HIVE}.")
            self.error = failure.to_athena_error() | {"ErrorMessage": self.reason}
        except Exception as error:  # an unexpected error fails the statement, not the service
            traceback.print_exc()
            state, self.reason = "FAILED", f"GENERIC_INTERNAL_ERROR: {type(error).__name__}: {error}"
            self.error = StatementError(self.reason, is_user_error=False).to_athena_error()
        self.completed_at = time.time()
        self.state = state
        self.finished.set()

    def stop(self) -> None:
        """Request the cancellation; a finished statement is not changed."""
        self.is_stopped = True

    def describe(self) -> dict[str, object]:
        """Return the QueryExecution of the API."""
        status: dict[str, object] = {"State": self.state, "SubmissionDateTime": self.submitted_at}
        if self.completed_at:
            status["CompletionDateTime"] = self.completed_at
        if self.reason:
            status["StateChangeReason"] = self.reason
        if self.error:
            status["AthenaError"] = self.error
        return {
            "QueryExecutionId": self.id,
            "Query": self.request.sql,
            "StatementType": self.statement_type,
            "SubstatementType": self.substatement_type,
            "WorkGroup": self.request.workgroup,
            "ResultConfiguration": {"OutputLocation": self.output_location},
            "QueryExecutionContext": {"Database": self.request.database, "Catalog": HIVE},
            "ExecutionParameters": list(self.request.parameters),
            "EngineVersion": ENGINE_VERSION,
            "Status": status,
            "Statistics": self.statistics(),
        }

    def statistics(self) -> dict[str, int | str]:
        """Return the Statistics of the API. DataScannedInBytes is what Trino physically read."""
        total = int(((self.completed_at or time.time()) - self.submitted_at) * 1000)
        manifest: dict[str, int | str] = (
            {"DataManifestLocation": self._manifest_location} if self._manifest_location else {}
        )
        return manifest | {
            "DataScannedInBytes": self.scanned_bytes,
            "EngineExecutionTimeInMillis": self.engine_ms,
            "TotalExecutionTimeInMillis": total,
            "QueryQueueTimeInMillis": self.queued_ms,
            "QueryPlanningTimeInMillis": self.planning_ms,
            "ServiceProcessingTimeInMillis": max(0, total - self.engine_ms - self.queued_ms),
        }

    def page(self, token: str | None, size: int) -> dict[str, object]:
        """Return one page of GetQueryResults. The first row of a query's first page is its header."""
        if self.state != "SUCCEEDED":
            raise InvalidRequestError(f"Query did not finish successfully. Final query state: {self.state}")
        if self.results is None:
            raise InvalidRequestError(
                f"Could not find results of query {self.id}: only the last {_MAX_EXECUTIONS_WITH_ROWS} are kept"
            )
        columns = self.results.columns
        has_header = self.statement_type == "DML" and bool(columns) and self.substatement_type != "EXPLAIN"
        start = int(token or 0)
        rows: list[dict[str, object]] = []
        if has_header and start == 0:
            rows.append({"Data": [{"VarCharValue": column["name"]} for column in columns]})
        first = max(0, start - has_header)
        rows += [
            {"Data": [{} if value is None else {"VarCharValue": value} for value in row]}
            for row in self.results.rows(first, size - len(rows))
        ]
        page: dict[str, object] = {
            "UpdateCount": self.update_count or 0,
            "ResultSet": {"Rows": rows, "ResultSetMetadata": self.results.metadata()},
        }
        if start + len(rows) < self.results.count + has_header:
            page["NextToken"] = str(start + len(rows))
        return page

    def _resolve_statement(self) -> tuple[str, str]:
        """Return the SQL to run (of a prepared statement for EXECUTE) and its parameters as a SQL list."""
        parameters = ", ".join(self.request.parameters)
        execute = re.match(
            r"\s*execute\s+(\w+)(?:\s+using\s+(.*?))?\s*;?\s*\Z",
            strip_leading_comments(self.request.sql),
            re.IGNORECASE | re.DOTALL,
        )
        if not execute:
            return self.request.sql, parameters
        return self._services.prepared_sql(self.request.workgroup, execute[1]), execute[2] or parameters

    def _execute(self, plan: StatementPlan, parameters: str) -> None:
        self.statement_type, self.substatement_type = plan.statement_type, plan.substatement_type
        if plan.iceberg_select:
            self._check_iceberg_types(plan.iceberg_select)
        statements = self._vacuum_statements(*plan.vacuum) if plan.vacuum else plan.trino
        assert self.results is not None
        actions = GlueActions(self._services.glue, self._run_in_trino, self.results)
        if plan.glue:
            getattr(actions, plan.glue.name)(**plan.glue.arguments)
        for statement in statements:
            bound = (
                f"EXECUTE IMMEDIATE {quote_literal(statement)} USING {decimals_to_doubles(parameters)}"
                if parameters
                else statement
            )
            self._run_in_trino(bound, plan.session, keep_rows=True)
        if plan.view:
            actions.set_view_columns(*plan.view)
        self._data_location = plan.data_location
        if plan.unload:
            database, table = plan.unload
            self._services.glue.delete_table(DatabaseName=database, Name=table)

    def _run_in_trino(self, sql: str, session: dict[str, str] | None = None, *, keep_rows: bool = False) -> QueryResult:
        assert self.results is not None
        scanned_before = self.scanned_bytes
        self.results.clear()

        def on_progress(scanned: int) -> None:
            self.scanned_bytes = scanned_before + scanned
            self._check_stop(self.scanned_bytes)

        result = self._services.trino.run(
            sql,
            self._context,
            session=session,
            on_page=self.results.add if keep_rows else None,
            on_progress=on_progress,
        )
        self.scanned_bytes = scanned_before + result.scanned_bytes
        self.engine_ms += result.engine_ms
        self.queued_ms += result.queued_ms
        self.planning_ms += result.planning_ms
        if keep_rows and result.update_type:
            self.update_count = result.update_count or 0
        self._check_stop(self.scanned_bytes)
        return result

    def _check_stop(self, scanned: int) -> None:
        """Raise QueryCancelledError when the statement was stopped or has scanned too many bytes."""
        if self.is_stopped:
            raise QueryCancelledError("Query was cancelled by user")
        if self.request.cutoff and scanned > self.request.cutoff:
            raise QueryCancelledError(
                f"Query cancelled! : Bytes scanned limit was exceeded ({scanned} of {self.request.cutoff} bytes)"
            )

    def _select(self, sql: str, prepared: str = "") -> list[list[Any]]:
        rows: list[list[Any]] = []
        self._services.trino.run(sql, self._context, prepared=prepared, on_page=lambda _, page: rows.extend(page))
        return rows

    def _check_iceberg_types(self, select: str) -> None:
        """Raise StatementError for a column type that Athena's Iceberg CTAS refuses; Trino would convert it."""
        for row in self._select("DESCRIBE OUTPUT q", prepared=select):
            type_name = str(row[4])
            precision = re.match(r"timestamp\((\d+)\)", type_name)
            if precision and precision[1] != "6":
                raise StatementError(
                    f"NOT_SUPPORTED: Timestamp precision ({precision[1]}) not supported for Iceberg. "
                    'Use "timestamp(6)" instead.',
                    "NOT_SUPPORTED",
                )
            if type_name in ("tinyint", "smallint") or type_name.startswith(("char(", "time(")):
                raise StatementError(f"NOT_SUPPORTED: Type not supported for Iceberg: {type_name}", "NOT_SUPPORTED")

    def _vacuum_statements(self, database: str, table: str) -> list[str]:
        """Return statements that expire snapshots by the table's own properties and remove orphan files."""
        prefix = f'"{ICEBERG}"."{database}"."{table}'
        properties = {
            str(key): str(value) for key, value in self._select(f'SELECT key, value FROM {prefix}$properties"')
        }
        max_age = properties.get("vacuum_max_snapshot_age_seconds", "432000")
        min_snapshots = int(properties.get("vacuum_min_snapshots_to_keep", "1"))
        snapshots = int(self._select(f'SELECT count(*) FROM {prefix}$snapshots"')[0][0])
        actions = ["expire_snapshots", "remove_orphan_files"] if snapshots > min_snapshots else ["remove_orphan_files"]
        return [f"ALTER TABLE {prefix}\" EXECUTE {action}(retention_threshold => '{max_age}s')" for action in actions]

    def _write_manifest(self) -> None:
        """Write the list of the data files of a CTAS or UNLOAD to S3; awswrangler reads the files that it names."""
        if not self._data_location:
            return
        source = urllib.parse.urlparse(self._data_location)
        prefix = source.path.strip("/") + "/"
        pages = self._services.s3.get_paginator("list_objects_v2").paginate(Bucket=source.netloc, Prefix=prefix)
        keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
        location = f"{self.request.output}/{self.id}-manifest.csv"
        self._put(location, "".join(f"s3://{source.netloc}/{key}\n" for key in keys).encode())
        self._manifest_location = location

    def _write_results(self) -> None:
        assert self.results is not None
        with tempfile.TemporaryFile(dir=self._services.scratch) as file:
            if self.statement_type == "DML":
                self.results.write_csv(file)
            else:
                self.results.write_text(file)
            file.seek(0)
            self._put(self.output_location, file)

    def _put(self, location: str, body: bytes | IO[bytes]) -> None:
        target = urllib.parse.urlparse(location)
        self._services.s3.put_object(Bucket=target.netloc, Key=target.path.lstrip("/"), Body=body)


class QueryExecutions:
    """All executions, newest last. Old ones are deleted, so memory and disk stay bounded.

    Each finished execution is a JSON line of the file `ledger`.
    """

    def __init__(self, services: ExecutionServices, ledger: Path) -> None:
        self._services = services
        self._ledger = ledger
        self._by_id: OrderedDict[str, QueryExecution] = OrderedDict()
        self._by_token: OrderedDict[str, QueryExecution] = OrderedDict()
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(_MAX_CONCURRENT, thread_name_prefix="athena")

    def start(self, request: QueryRequest) -> QueryExecution:
        """Start a statement, or return the execution of the same client token.

        Raises InvalidRequestError when the token belongs to another statement.
        """
        with self._lock:
            if request.token and (known := self._by_token.get(request.token)):
                if known.request.sql != request.sql:
                    raise InvalidRequestError("Idempotent parameters do not match")
                return known
            execution = QueryExecution(request, self._services)
            self._by_id[execution.id] = execution
            if request.token:
                self._by_token[request.token] = execution
            self._delete_old()
        self._pool.submit(self._run, execution)
        execution.finished.wait(0.02)  # most DDL has finished by then, which saves the client a poll
        return execution

    def get(self, execution_id: str) -> QueryExecution:
        """Return one execution. Raises InvalidRequestError for an unknown id."""
        with self._lock:
            if execution := self._by_id.get(execution_id):
                return execution
        raise InvalidRequestError(f"QueryExecution {execution_id} was not found")

    def ids(self, workgroup: str) -> list[str]:
        """Return the ids of a workgroup's executions, newest first."""
        with self._lock:
            return [e.id for e in reversed(self._by_id.values()) if e.request.workgroup == workgroup]

    def _run(self, execution: QueryExecution) -> None:
        execution.run()
        entry = execution.statistics() | {
            "id": execution.id,
            "type": execution.substatement_type,
            "state": execution.state,
            "query": execution.request.sql[:2000],
        }
        with self._lock, self._ledger.open("a") as file:
            file.write(json.dumps(entry) + "\n")

    def _delete_old(self) -> None:
        while len(self._by_id) > _MAX_EXECUTIONS:
            self._by_id.popitem(last=False)
        while len(self._by_token) > _MAX_EXECUTIONS:
            self._by_token.popitem(last=False)
        with_rows = [e for e in self._by_id.values() if e.results is not None and e.finished.is_set()]
        for execution in with_rows[: max(0, len(with_rows) - _MAX_EXECUTIONS_WITH_ROWS)]:
            assert execution.results is not None
            execution.results.close()
            execution.results = None
