"""Workgroups and their prepared statements."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from local_aws.athena.errors import InvalidRequestError, StatementError

if TYPE_CHECKING:
    from mypy_boto3_athena import type_defs as api

ENGINE_VERSION = {"SelectedEngineVersion": "AUTO", "EffectiveEngineVersion": "Athena engine version 3"}
_UPDATABLE_SETTINGS = (
    "EnforceWorkGroupConfiguration",
    "BytesScannedCutoffPerQuery",
    "PublishCloudWatchMetricsEnabled",
    "RequesterPaysEnabled",
)
_MIN_CUTOFF_BYTES = 10_000_000


@dataclass(slots=True)
class _Workgroup:
    name: str
    description: str = ""
    state: str = "ENABLED"
    configuration: dict[str, Any] = field(default_factory=dict)  # the API's WorkGroupConfiguration
    created_at: float = field(default_factory=time.time)
    prepared: dict[str, dict[str, object]] = field(default_factory=dict)  # the API's PreparedStatement, by name

    def describe(self) -> dict[str, object]:
        return {
            "Name": self.name,
            "State": self.state,
            "Description": self.description,
            "CreationTime": self.created_at,
            "Configuration": {
                "EnforceWorkGroupConfiguration": False,
                "PublishCloudWatchMetricsEnabled": False,
                "RequesterPaysEnabled": False,
                "ResultConfiguration": {},
                **self.configuration,
                "EngineVersion": ENGINE_VERSION,
            },
        }


class WorkgroupsApi:
    """The operations on workgroups and prepared statements, by their API names."""

    def __init__(self) -> None:
        self._groups = {"primary": _Workgroup("primary")}

    def configuration(self, name: str) -> dict[str, Any]:
        """Return a workgroup's WorkGroupConfiguration. Raises InvalidRequestError for an unknown or disabled one."""
        group = self._get(name)
        if group.state != "ENABLED":
            raise InvalidRequestError(f"WorkGroup {name} is disabled.")
        return group.configuration

    def prepared_sql(self, workgroup: str, name: str) -> str:
        """Return the text of a prepared statement. Raises StatementError for an unknown one."""
        if statement := self._get(workgroup).prepared.get(name):
            return str(statement["QueryStatement"])
        raise StatementError(f"INVALID_INPUT: PreparedStatement {name} was not found in workGroup {workgroup}")

    def create_work_group(self, request: "api.CreateWorkGroupInputTypeDef") -> dict[str, object]:
        """Answer CreateWorkGroup."""
        name, configuration = request["Name"], request.get("Configuration") or {}
        if name in self._groups:
            raise InvalidRequestError("WorkGroup is already created")
        _check_cutoff(configuration)
        self._groups[name] = _Workgroup(name, request.get("Description", ""), configuration={**configuration})
        return {}

    def get_work_group(self, request: "api.GetWorkGroupInputTypeDef") -> dict[str, object]:
        """Answer GetWorkGroup."""
        return {"WorkGroup": self._get(request["WorkGroup"]).describe()}

    def list_work_groups(self, _request: "api.ListWorkGroupsInputTypeDef") -> dict[str, object]:
        """Answer ListWorkGroups."""
        keys = ("Name", "State", "Description", "CreationTime")
        groups = [group.describe() for group in self._groups.values()]
        return {
            "WorkGroups": [{key: group[key] for key in keys} | {"EngineVersion": ENGINE_VERSION} for group in groups]
        }

    def update_work_group(self, request: "api.UpdateWorkGroupInputTypeDef") -> dict[str, object]:
        """Answer UpdateWorkGroup."""
        group = self._get(request["WorkGroup"])
        updates: Mapping[str, Any] = request.get("ConfigurationUpdates") or {}
        _check_cutoff(updates)
        group.state = request.get("State", group.state)
        group.description = request.get("Description", group.description)
        group.configuration |= {key: updates[key] for key in _UPDATABLE_SETTINGS if key in updates}
        if updates.get("RemoveBytesScannedCutoffPerQuery"):
            group.configuration.pop("BytesScannedCutoffPerQuery", None)
        if results := updates.get("ResultConfigurationUpdates"):
            old = group.configuration.get("ResultConfiguration") or {}
            if results.get("RemoveOutputLocation"):
                old = {key: value for key, value in old.items() if key != "OutputLocation"}
            new = {key: value for key, value in results.items() if not key.startswith("Remove")}
            group.configuration["ResultConfiguration"] = old | new
        return {}

    def delete_work_group(self, request: "api.DeleteWorkGroupInputTypeDef") -> dict[str, object]:
        """Answer DeleteWorkGroup."""
        group = self._get(request["WorkGroup"])
        if group.name == "primary":
            raise InvalidRequestError("Cannot delete primary WorkGroup")
        if group.prepared and not request.get("RecursiveDeleteOption"):
            raise InvalidRequestError(f"WorkGroup {group.name} is not empty")
        del self._groups[group.name]
        return {}

    def create_prepared_statement(self, request: "api.CreatePreparedStatementInputTypeDef") -> dict[str, object]:
        """Answer CreatePreparedStatement."""
        name = request["StatementName"]
        if name in self._get(request["WorkGroup"]).prepared:
            raise InvalidRequestError(f"PreparedStatement {name} already exists")
        return self._store_prepared(request)

    def update_prepared_statement(self, request: "api.UpdatePreparedStatementInputTypeDef") -> dict[str, object]:
        """Answer UpdatePreparedStatement."""
        self._get_prepared(request["WorkGroup"], request["StatementName"])
        return self._store_prepared(request)

    def get_prepared_statement(self, request: "api.GetPreparedStatementInputTypeDef") -> dict[str, object]:
        """Answer GetPreparedStatement."""
        return {"PreparedStatement": self._get_prepared(request["WorkGroup"], request["StatementName"])}

    def list_prepared_statements(self, request: "api.ListPreparedStatementsInputTypeDef") -> dict[str, object]:
        """Answer ListPreparedStatements."""
        keys = ("StatementName", "LastModifiedTime")
        statements = self._get(request["WorkGroup"]).prepared.values()
        return {"PreparedStatements": [{key: statement[key] for key in keys} for statement in statements]}

    def delete_prepared_statement(self, request: "api.DeletePreparedStatementInputTypeDef") -> dict[str, object]:
        """Answer DeletePreparedStatement."""
        workgroup, name = request["WorkGroup"], request["StatementName"]
        self._get_prepared(workgroup, name)
        del self._get(workgroup).prepared[name]
        return {}

    def _store_prepared(
        self, request: "api.CreatePreparedStatementInputTypeDef | api.UpdatePreparedStatementInputTypeDef"
    ) -> dict[str, object]:
        self._get(request["WorkGroup"]).prepared[request["StatementName"]] = {
            "StatementName": request["StatementName"],
            "QueryStatement": request["QueryStatement"],
            "WorkGroupName": request["WorkGroup"],
            "Description": request.get("Description", ""),
            "LastModifiedTime": time.time(),
        }
        return {}

    def _get_prepared(self, workgroup: str, name: str) -> dict[str, object]:
        if statement := self._get(workgroup).prepared.get(name):
            return statement
        raise InvalidRequestError(
            f"PreparedStatement {name} was not found in workGroup {workgroup}", "ResourceNotFoundException"
        )

    def _get(self, name: str) -> _Workgroup:
        if group := self._groups.get(name):
            return group
        raise InvalidRequestError(f"WorkGroup {name} is not found.")


def _check_cutoff(configuration: Mapping[str, Any]) -> None:
    cutoff = configuration.get("BytesScannedCutoffPerQuery")
    if cutoff is not None and cutoff < _MIN_CUTOFF_BYTES:
        raise InvalidRequestError(f"BytesScannedCutoffPerQuery must be at least {_MIN_CUTOFF_BYTES}")
