"""One statement from its start to its end, and the store that remembers them."""

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
from typing import Any

from local_aws.athena.errors import CancelledError, InvalidRequestError, StatementError
from local_aws.athena.glue_actions import GlueActions
from local_aws.athena.plan import Plan, plan
from local_aws.athena.results import Results
from local_aws.athena.text import literal, without_leading_comments
from local_aws.athena.trino import Context, Outcome, TrinoClient
from local_aws.trino_server import HIVE, ICEBERG

ENGINE = {"SelectedEngineVersion": "AUTO", "EffectiveEngineVersion": "Athena engine version 3"}
_KEPT_EXECUTIONS = 10_000
_KEPT_RESULTS = 500
_AT_ONCE = 20  # as many as Athena's default quota of active DML queries


@dataclass(frozen=True, slots=True)
class Request:
    """What StartQueryExecution was asked for, the workgroup's settings applied."""

    sql: str
    database: str
    workgroup: str
    output: str  # s3:// prefix
    cutoff: int | None  # bytes
    parameters: tuple[str, ...]
    token: str


@dataclass(frozen=True, slots=True)
class Services:
    """What an execution works with."""

    trino: TrinoClient
    glue: Any
    s3: Any
    scratch: Path
    prepared: Callable[[str, str], str]  # (workgroup, name) -> statement; raises StatementError


class Execution:
    """A statement: its state, its cost and its rows."""

    def __init__(self, request: Request, services: Services) -> None:
        self.id = str(uuid.uuid4())
        self.request = request
        self.state = "QUEUED"
        self.reason = ""
        self.error: dict[str, object] | None = None
        self.kind, self.sub = "DML", ""
        self.results: Results | None = Results(services.scratch)
        self.scanned_bytes = self.engine_ms = self.queued_ms = self.planning_ms = 0
        self.update_count: int | None = None
        self.finished = threading.Event()
        self.submitted_at = time.time()
        self.completed_at: float | None = None
        self.is_stopped = False
        self._data_location = self._manifest = ""
        self._services = services
        self._context = Context(request.database, self.id)

    @property
    def output_location(self) -> str:
        """Where the results lie in S3."""
        return f"{self.request.output}/{self.id}" + (".csv" if self.kind == "DML" else ".txt")

    def run(self) -> None:
        """Run to the end; failures become the execution's state."""
        assert self.results is not None
        try:
            self._check_stop(0)
            self.state = "RUNNING"
            sql, parameters = self._statement()
            self._execute(plan(sql, self.request.database, self.request.output), parameters)
            if self.kind == "DDL" or (self.update_count is not None and self.sub != "SELECT"):
                self.results.clear()
            self._write_results()
            self._write_manifest()
            state = "SUCCEEDED"
        except CancelledError as error:
            state, self.reason = "CANCELLED", str(error)
        except (StatementError, InvalidRequestError) as error:
            failure = error if isinstance(error, StatementError) else StatementError(str(error))
            state, self.reason = "FAILED", str(failure).replace(f"{ICEBERG}.", f"{HIVE}.")
            self.error = failure.as_athena_error() | {"ErrorMessage": self.reason}
        except Exception as error:  # whatever breaks in here fails the statement, as a service would
            traceback.print_exc()
            state, self.reason = "FAILED", f"GENERIC_INTERNAL_ERROR: {type(error).__name__}: {error}"
            self.error = StatementError(self.reason, is_users=False).as_athena_error()
        self.completed_at = time.time()
        self.state = state
        self.finished.set()

    def stop(self) -> None:
        """Ask for the end; a finished statement stays as it is."""
        self.is_stopped = True

    def describe(self) -> dict[str, object]:
        """The QueryExecution of the API."""
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
            "StatementType": self.kind,
            "SubstatementType": self.sub,
            "WorkGroup": self.request.workgroup,
            "ResultConfiguration": {"OutputLocation": self.output_location},
            "QueryExecutionContext": {"Database": self.request.database, "Catalog": HIVE},
            "ExecutionParameters": list(self.request.parameters),
            "EngineVersion": ENGINE,
            "Status": status,
            "Statistics": self.statistics(),
        }

    def statistics(self) -> dict[str, int | str]:
        """The Statistics of the API. DataScannedInBytes is what the engine physically read."""
        total = int(((self.completed_at or time.time()) - self.submitted_at) * 1000)
        manifest: dict[str, int | str] = {"DataManifestLocation": self._manifest} if self._manifest else {}
        return manifest | {
            "DataScannedInBytes": self.scanned_bytes,
            "EngineExecutionTimeInMillis": self.engine_ms,
            "TotalExecutionTimeInMillis": total,
            "QueryQueueTimeInMillis": self.queued_ms,
            "QueryPlanningTimeInMillis": self.planning_ms,
            "ServiceProcessingTimeInMillis": max(0, total - self.engine_ms - self.queued_ms),
        }

    def page(self, token: str | None, number: int) -> dict[str, object]:
        """One page of GetQueryResults. The first row of a query's first page is its header."""
        if self.state != "SUCCEEDED":
            raise InvalidRequestError(f"Query did not finish successfully. Final query state: {self.state}")
        if self.results is None:
            raise InvalidRequestError(
                f"Could not find results of query {self.id}: only the last {_KEPT_RESULTS} are kept"
            )
        columns = self.results.columns
        has_header = self.kind == "DML" and bool(columns) and self.sub != "EXPLAIN"
        start = int(token or 0)
        rows: list[dict[str, object]] = []
        if has_header and start == 0:
            rows.append({"Data": [{"VarCharValue": column["name"]} for column in columns]})
        first = max(0, start - has_header)
        rows += [
            {"Data": [{} if value is None else {"VarCharValue": value} for value in row]}
            for row in self.results.rows(first, number - len(rows))
        ]
        page: dict[str, object] = {
            "UpdateCount": self.update_count or 0,
            "ResultSet": {"Rows": rows, "ResultSetMetadata": self.results.metadata()},
        }
        if start + len(rows) < self.results.count + has_header:
            page["NextToken"] = str(start + len(rows))
        return page

    def _statement(self) -> tuple[str, str]:
        """The text to run (a prepared statement's for EXECUTE) and its parameters as a SQL list."""
        parameters = ", ".join(self.request.parameters)
        execute = re.match(
            r"\s*execute\s+(\w+)(?:\s+using\s+(.*?))?\s*;?\s*\Z",
            without_leading_comments(self.request.sql),
            re.IGNORECASE | re.DOTALL,
        )
        if not execute:
            return self.request.sql, parameters
        return self._services.prepared(self.request.workgroup, execute[1]), execute[2] or parameters

    def _execute(self, planned: Plan, parameters: str) -> None:
        self.kind, self.sub = planned.kind, planned.sub
        if planned.iceberg_select:
            self._check_iceberg_types(planned.iceberg_select)
        if planned.vacuum:
            planned.trino = self._vacuum(*planned.vacuum)
        assert self.results is not None
        actions = GlueActions(self._services.glue, self._sql, self.results)
        if planned.glue:
            getattr(actions, planned.glue.name)(**planned.glue.arguments)
        for statement in planned.trino:
            bound = f"EXECUTE IMMEDIATE {literal(statement)} USING {parameters}" if parameters else statement
            self._sql(bound, planned.session, is_answer=True)
        if planned.view:
            actions.enter_view_columns(*planned.view)
        self._data_location = planned.data_location
        if planned.unload:
            database, table = planned.unload
            self._services.glue.delete_table(DatabaseName=database, Name=table)

    def _sql(self, sql: str, session: dict[str, str] | None = None, *, is_answer: bool = False) -> Outcome:
        assert self.results is not None
        read_before = self.scanned_bytes
        self.results.clear()

        def watch(scanned: int) -> None:
            self.scanned_bytes = read_before + scanned
            self._check_stop(self.scanned_bytes)

        outcome = self._services.trino.run(
            sql, self._context, session=session, on_page=self.results.add if is_answer else None, may_continue=watch
        )
        self.scanned_bytes = read_before + outcome.scanned_bytes
        self.engine_ms += outcome.engine_ms
        self.queued_ms += outcome.queued_ms
        self.planning_ms += outcome.planning_ms
        if is_answer and outcome.update_type:
            self.update_count = outcome.update_count or 0
        self._check_stop(self.scanned_bytes)
        return outcome

    def _check_stop(self, scanned: int) -> None:
        if self.is_stopped:
            raise CancelledError("Query was cancelled by user")
        if self.request.cutoff and scanned > self.request.cutoff:
            raise CancelledError(
                f"Query cancelled! : Bytes scanned limit was exceeded ({scanned} of {self.request.cutoff} bytes)"
            )

    def _rows(self, sql: str, prepared: str = "") -> list[list[Any]]:
        rows: list[list[Any]] = []
        self._services.trino.run(sql, self._context, prepared=prepared, on_page=lambda _, page: rows.extend(page))
        return rows

    def _check_iceberg_types(self, select: str) -> None:
        """Hold a CTAS to the types that Athena's Iceberg takes; Trino would convert some of them in silence."""
        for row in self._rows("DESCRIBE OUTPUT q", prepared=select):
            kind = str(row[4])
            precision = re.match(r"timestamp\((\d+)\)", kind)
            if precision and precision[1] != "6":
                raise StatementError(
                    f"NOT_SUPPORTED: Timestamp precision ({precision[1]}) not supported for Iceberg. "
                    'Use "timestamp(6)" instead.',
                    "NOT_SUPPORTED",
                )
            if kind in ("tinyint", "smallint") or kind.startswith(("char(", "time(")):
                raise StatementError(f"NOT_SUPPORTED: Type not supported for Iceberg: {kind}", "NOT_SUPPORTED")

    def _vacuum(self, database: str, table: str) -> list[str]:
        """Expire snapshots by the table's own age and number, then remove files that nothing names."""
        name = f'"{ICEBERG}"."{database}"."{table}"'
        values = {str(row[0]): str(row[1]) for row in self._rows(f'SELECT key, value FROM {name[:-1]}$properties"')}
        age = values.get("vacuum_max_snapshot_age_seconds", "432000")
        kept = int(values.get("vacuum_min_snapshots_to_keep", "1"))
        snapshots = int(self._rows(f'SELECT count(*) FROM {name[:-1]}$snapshots"')[0][0])
        expire = [f"ALTER TABLE {name} EXECUTE expire_snapshots(retention_threshold => '{age}s')"]
        orphans = f"ALTER TABLE {name} EXECUTE remove_orphan_files(retention_threshold => '{age}s')"
        return [*(expire if snapshots > kept else []), orphans]

    def _write_manifest(self) -> None:
        """List the data files of a CTAS or UNLOAD in S3, as Athena does; awswrangler reads what the list names."""
        if not self._data_location:
            return
        source = urllib.parse.urlparse(self._data_location)
        prefix = source.path.strip("/") + "/"
        pages = self._services.s3.get_paginator("list_objects_v2").paginate(Bucket=source.netloc, Prefix=prefix)
        keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
        manifest = f"{self.request.output}/{self.id}-manifest.csv"
        target = urllib.parse.urlparse(manifest)
        body = "".join(f"s3://{source.netloc}/{key}\n" for key in keys)
        self._services.s3.put_object(Bucket=target.netloc, Key=target.path.lstrip("/"), Body=body.encode())
        self._manifest = manifest

    def _write_results(self) -> None:
        assert self.results is not None
        target = urllib.parse.urlparse(self.output_location)
        with tempfile.TemporaryFile(dir=self._services.scratch) as file:
            if self.kind == "DML":
                self.results.write_csv(file)
            else:
                self.results.write_text(file)
            file.seek(0)
            self._services.s3.put_object(Bucket=target.netloc, Key=target.path.lstrip("/"), Body=file)


class Executions:
    """All executions, newest last; old ones are forgotten so that memory and disk stay bounded."""

    def __init__(self, services: Services, ledger: Path) -> None:
        self._services = services
        self._ledger = ledger
        self._by_id: OrderedDict[str, Execution] = OrderedDict()
        self._by_token: OrderedDict[str, Execution] = OrderedDict()
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="athena")

    def start(self, request: Request) -> Execution:
        """Start a statement; the same client token again gives the same execution. Raises InvalidRequestError."""
        with self._lock:
            if request.token and (known := self._by_token.get(request.token)):
                if known.request.sql != request.sql:
                    raise InvalidRequestError("Idempotent parameters do not match")
                return known
            execution = Execution(request, self._services)
            self._by_id[execution.id] = execution
            if request.token:
                self._by_token[request.token] = execution
            self._forget_old()
        self._pool.submit(self._run, execution)
        execution.finished.wait(0.02)  # most DDL is done by now: a poll saved
        return execution

    def get(self, execution_id: str) -> Execution:
        """One execution. Raises InvalidRequestError for an unknown id."""
        with self._lock:
            if found := self._by_id.get(execution_id):
                return found
        raise InvalidRequestError(f"QueryExecution {execution_id} was not found")

    def ids(self, workgroup: str) -> list[str]:
        """The executions of a workgroup, newest first."""
        with self._lock:
            return [e.id for e in reversed(self._by_id.values()) if e.request.workgroup == workgroup]

    def _run(self, execution: Execution) -> None:
        execution.run()
        entry = execution.statistics() | {
            "id": execution.id,
            "type": execution.sub,
            "state": execution.state,
            "query": execution.request.sql[:2000],
        }
        with self._lock, self._ledger.open("a") as file:
            file.write(json.dumps(entry) + "\n")

    def _forget_old(self) -> None:
        while len(self._by_id) > _KEPT_EXECUTIONS:
            self._by_id.popitem(last=False)
        while len(self._by_token) > _KEPT_EXECUTIONS:
            self._by_token.popitem(last=False)
        with_rows = [e for e in self._by_id.values() if e.results is not None and e.finished.is_set()]
        for execution in with_rows[: max(0, len(with_rows) - _KEPT_RESULTS)]:
            assert execution.results is not None
            execution.results.close()
            execution.results = None
