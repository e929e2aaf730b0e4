"""Athena's operations by name, as a JSON service."""

import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from local_aws.athena.catalog import Catalog
from local_aws.athena.errors import InvalidRequestError, StatementError
from local_aws.athena.execution import Executions, Request
from local_aws.athena.plan import check_size, plan
from local_aws.athena.workgroups import Workgroups
from local_aws.trino_server import HIVE

Operation = Callable[[dict[str, Any]], dict[str, Any]]
_OPERATIONS = (
    "CreateWorkGroup",
    "GetWorkGroup",
    "ListWorkGroups",
    "UpdateWorkGroup",
    "DeleteWorkGroup",
    "CreatePreparedStatement",
    "GetPreparedStatement",
    "ListPreparedStatements",
    "UpdatePreparedStatement",
    "DeletePreparedStatement",
    "ListDataCatalogs",
    "GetDataCatalog",
    "ListDatabases",
    "GetDatabase",
    "ListTableMetadata",
    "GetTableMetadata",
    "StartQueryExecution",
    "GetQueryExecution",
    "BatchGetQueryExecution",
    "ListQueryExecutions",
    "StopQueryExecution",
    "GetQueryResults",
    "GetQueryRuntimeStatistics",
)


class AthenaApi:
    """The service. What it does not know is left to whoever stands behind it."""

    def __init__(self, executions: Executions, workgroups: Workgroups, catalog: Catalog) -> None:
        self._executions = executions
        self._workgroups = workgroups
        self._operations: dict[str, Operation] = {}
        for name in _OPERATIONS:
            method = re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
            owner = next(part for part in (self, workgroups, catalog) if hasattr(part, method))
            self._operations[name] = getattr(owner, method)

    def knows(self, operation: str) -> bool:
        """Tell whether the operation is served here."""
        return operation in self._operations

    def call(self, operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Answer one request. Raises InvalidRequestError for one that is refused."""
        try:
            return self._operations[operation](arguments)
        except KeyError as missing:
            raise InvalidRequestError(f"1 validation error detected: {missing} must not be null") from None

    def start_query_execution(self, d: dict[str, Any]) -> dict[str, Any]:
        """StartQueryExecution."""
        sql = d["QueryString"]
        check_size(sql)
        context = d.get("QueryExecutionContext") or {}
        if (context.get("Catalog") or HIVE).lower() != HIVE:
            raise InvalidRequestError(f"Data catalog {context['Catalog']} was not found")
        name = d.get("WorkGroup") or "primary"
        group = self._workgroups.configuration(name)
        asked = (d.get("ResultConfiguration") or {}).get("OutputLocation", "")
        own = (group.get("ResultConfiguration") or {}).get("OutputLocation", "")
        output = own if own and (group.get("EnforceWorkGroupConfiguration") or not asked) else asked
        if not output.startswith("s3://"):
            raise InvalidRequestError(
                "No output location provided. An output location is required either through the Workgroup result "
                "configuration setting or as an API input."
            )
        database = (context.get("Database") or "default").lower()
        if not re.match(r"\s*execute\s", sql, re.IGNORECASE):
            with suppress(StatementError):  # a failed statement has an id, a refused one never gets it
                plan(sql, database, output)
        request = Request(
            sql,
            database,
            name,
            output.rstrip("/"),
            group.get("BytesScannedCutoffPerQuery"),
            tuple(d.get("ExecutionParameters") or ()),
            d.get("ClientRequestToken", ""),
        )
        return {"QueryExecutionId": self._executions.start(request).id}

    def get_query_execution(self, d: dict[str, Any]) -> dict[str, Any]:
        """GetQueryExecution."""
        return {"QueryExecution": self._executions.get(d["QueryExecutionId"]).describe()}

    def batch_get_query_execution(self, d: dict[str, Any]) -> dict[str, Any]:
        """BatchGetQueryExecution, of at most 50."""
        if len(d["QueryExecutionIds"]) > 50:
            raise InvalidRequestError("Member must have length less than or equal to 50")
        found, missing = [], []
        for execution_id in d["QueryExecutionIds"]:
            try:
                found.append(self._executions.get(execution_id).describe())
            except InvalidRequestError as error:
                missing.append({"QueryExecutionId": execution_id, "ErrorCode": error.code, "ErrorMessage": str(error)})
        return {"QueryExecutions": found, "UnprocessedQueryExecutionIds": missing}

    def list_query_executions(self, d: dict[str, Any]) -> dict[str, Any]:
        """ListQueryExecutions, newest first."""
        ids = self._executions.ids(d.get("WorkGroup") or "primary")
        start, number = int(d.get("NextToken") or 0), int(d.get("MaxResults") or 50)
        page: dict[str, Any] = {"QueryExecutionIds": ids[start : start + number]}
        if start + number < len(ids):
            page["NextToken"] = str(start + number)
        return page

    def stop_query_execution(self, d: dict[str, Any]) -> dict[str, Any]:
        """StopQueryExecution."""
        self._executions.get(d["QueryExecutionId"]).stop()
        return {}

    def get_query_results(self, d: dict[str, Any]) -> dict[str, Any]:
        """GetQueryResults, pages of at most 1,000 rows."""
        number = int(d.get("MaxResults") or 1000)
        if not 1 <= number <= 1000:
            raise InvalidRequestError("MaxResults is more than maximum allowed length 1000")
        return self._executions.get(d["QueryExecutionId"]).page(d.get("NextToken"), number)

    def get_query_runtime_statistics(self, d: dict[str, Any]) -> dict[str, Any]:
        """GetQueryRuntimeStatistics: the timeline and the input bytes; rows are of the answer."""
        execution = self._executions.get(d["QueryExecutionId"])
        numbers = execution.statistics()
        timeline = {key: value for key, value in numbers.items() if key.endswith("Millis")}
        rows = {
            "InputBytes": numbers["DataScannedInBytes"],
            "OutputRows": execution.results.count if execution.results else 0,
        }
        return {"QueryRuntimeStatistics": {"Timeline": timeline, "Rows": rows}}
