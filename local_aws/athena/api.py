"""Athena's operations by name, as a JSON service."""

import re
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from local_aws.athena.errors import InvalidRequestError, StatementError
from local_aws.athena.execution import QueryExecutions, QueryRequest
from local_aws.athena.metadata import MetadataApi
from local_aws.athena.statements.planner import check_size, plan_statement
from local_aws.athena.workgroups import WorkgroupsApi
from local_aws.catalogs import HIVE

if TYPE_CHECKING:
    from mypy_boto3_athena import type_defs as api

Operation = Callable[[Any], dict[str, object]]
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
_MAX_BATCH, _MAX_ROWS_PER_PAGE, _IDS_PER_PAGE = 50, 1000, 50


class AthenaApi:
    """The Athena service. The gateway passes any operation that `serves` refuses on to moto."""

    def __init__(self, executions: QueryExecutions, workgroups: WorkgroupsApi, metadata: MetadataApi) -> None:
        self._executions = executions
        self._workgroups = workgroups
        self._operations: dict[str, Operation] = {}
        for name in _OPERATIONS:
            method = re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
            owner = next(part for part in (self, workgroups, metadata) if hasattr(part, method))
            self._operations[name] = getattr(owner, method)

    def serves(self, operation: str) -> bool:
        """Return whether this service answers the operation."""
        return operation in self._operations

    def call(self, operation: str, request: dict[str, Any]) -> dict[str, object]:
        """Answer one request. Raises InvalidRequestError for one that Athena refuses."""
        try:
            return self._operations[operation](request)
        except KeyError as missing:
            raise InvalidRequestError(f"1 validation error detected: {missing} must not be null") from None

    def start_query_execution(self, request: "api.StartQueryExecutionInputTypeDef") -> dict[str, object]:
        """Answer StartQueryExecution."""
        sql = request["QueryString"]
        check_size(sql)
        context = request.get("QueryExecutionContext") or {}
        catalog = context.get("Catalog") or HIVE
        if catalog.lower() != HIVE:
            raise InvalidRequestError(f"Data catalog {catalog} was not found")
        workgroup = request.get("WorkGroup") or "primary"
        configuration = self._workgroups.configuration(workgroup)
        output = _output_location(configuration, (request.get("ResultConfiguration") or {}).get("OutputLocation", ""))
        database = (context.get("Database") or "default").lower()
        if not re.match(r"\s*execute\s", sql, re.IGNORECASE):
            with suppress(StatementError):  # only a refused statement gets no id; a failing one is an execution
                plan_statement(sql, database, output)
        execution = self._executions.start(
            QueryRequest(
                sql,
                database,
                workgroup,
                output.rstrip("/"),
                configuration.get("BytesScannedCutoffPerQuery"),
                tuple(request.get("ExecutionParameters") or ()),
                request.get("ClientRequestToken", ""),
            )
        )
        return {"QueryExecutionId": execution.id}

    def get_query_execution(self, request: "api.GetQueryExecutionInputTypeDef") -> dict[str, object]:
        """Answer GetQueryExecution."""
        return {"QueryExecution": self._executions.get(request["QueryExecutionId"]).describe()}

    def batch_get_query_execution(self, request: "api.BatchGetQueryExecutionInputTypeDef") -> dict[str, object]:
        """Answer BatchGetQueryExecution, for at most 50 ids."""
        if len(request["QueryExecutionIds"]) > _MAX_BATCH:
            raise InvalidRequestError(f"Member must have length less than or equal to {_MAX_BATCH}")
        executions, unprocessed = [], []
        for execution_id in request["QueryExecutionIds"]:
            try:
                executions.append(self._executions.get(execution_id).describe())
            except InvalidRequestError as error:
                unprocessed.append(
                    {"QueryExecutionId": execution_id, "ErrorCode": error.code, "ErrorMessage": str(error)}
                )
        return {"QueryExecutions": executions, "UnprocessedQueryExecutionIds": unprocessed}

    def list_query_executions(self, request: "api.ListQueryExecutionsInputTypeDef") -> dict[str, object]:
        """Answer ListQueryExecutions, newest first."""
        ids = self._executions.ids(request.get("WorkGroup") or "primary")
        start, size = int(request.get("NextToken") or 0), request.get("MaxResults") or _IDS_PER_PAGE
        page: dict[str, object] = {"QueryExecutionIds": ids[start : start + size]}
        if start + size < len(ids):
            page["NextToken"] = str(start + size)
        return page

    def stop_query_execution(self, request: "api.StopQueryExecutionInputTypeDef") -> dict[str, object]:
        """Answer StopQueryExecution."""
        self._executions.get(request["QueryExecutionId"]).stop()
        return {}

    def get_query_results(self, request: "api.GetQueryResultsInputTypeDef") -> dict[str, object]:
        """Answer GetQueryResults: pages of at most 1,000 rows."""
        size = request.get("MaxResults") or _MAX_ROWS_PER_PAGE
        if not 1 <= size <= _MAX_ROWS_PER_PAGE:
            raise InvalidRequestError(f"MaxResults is more than maximum allowed length {_MAX_ROWS_PER_PAGE}")
        return self._executions.get(request["QueryExecutionId"]).page(request.get("NextToken"), size)

    def get_query_runtime_statistics(self, request: "api.GetQueryRuntimeStatisticsInputTypeDef") -> dict[str, object]:
        """Answer GetQueryRuntimeStatistics: the timeline, the scanned bytes and the number of result rows."""
        execution = self._executions.get(request["QueryExecutionId"])
        statistics = execution.statistics()
        timeline = {key: value for key, value in statistics.items() if key.endswith("Millis")}
        rows = {
            "InputBytes": statistics["DataScannedInBytes"],
            "OutputRows": execution.results.count if execution.results else 0,
        }
        return {"QueryRuntimeStatistics": {"Timeline": timeline, "Rows": rows}}


def _output_location(workgroup: dict[str, Any], requested: str) -> str:
    """Return where the results go: the workgroup's location when it is enforced or none is requested."""
    default = (workgroup.get("ResultConfiguration") or {}).get("OutputLocation", "")
    is_enforced = default and (workgroup.get("EnforceWorkGroupConfiguration") or not requested)
    output: str = default if is_enforced else requested
    if not output.startswith("s3://"):
        raise InvalidRequestError(
            "No output location provided. An output location is required either through the Workgroup result "
            "configuration setting or as an API input."
        )
    return output
