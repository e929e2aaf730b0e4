"""Workgroups and their prepared statements."""

import time
from dataclasses import dataclass, field
from typing import Any

from local_aws.athena.errors import InvalidRequestError, StatementError
from local_aws.athena.execution import ENGINE

_SETTINGS = (
    "EnforceWorkGroupConfiguration",
    "BytesScannedCutoffPerQuery",
    "PublishCloudWatchMetricsEnabled",
    "RequesterPaysEnabled",
)
_LEAST_CUTOFF = 10_000_000


@dataclass(slots=True)
class _Workgroup:
    name: str
    description: str = ""
    state: str = "ENABLED"
    configuration: dict[str, Any] = field(default_factory=dict)
    created_at: float = field(default_factory=time.time)
    prepared: dict[str, dict[str, Any]] = field(default_factory=dict)

    def describe(self) -> dict[str, Any]:
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
                "EngineVersion": ENGINE,
            },
        }


class Workgroups:
    """The operations on workgroups and prepared statements, by their API names."""

    def __init__(self) -> None:
        self._groups = {"primary": _Workgroup("primary")}

    def configuration(self, name: str) -> dict[str, Any]:
        """The settings that statements of a workgroup run under. Raises InvalidRequestError for an unknown one."""
        group = self._group(name)
        if group.state != "ENABLED":
            raise InvalidRequestError(f"WorkGroup {name} is disabled.")
        return group.configuration

    def statement(self, workgroup: str, name: str) -> str:
        """The text of a prepared statement. Raises StatementError for an unknown one."""
        if found := self._group(workgroup).prepared.get(name):
            return str(found["QueryStatement"])
        raise StatementError(f"INVALID_INPUT: PreparedStatement {name} was not found in workGroup {workgroup}")

    def create_work_group(self, d: dict[str, Any]) -> dict[str, Any]:
        """CreateWorkGroup."""
        if d["Name"] in self._groups:
            raise InvalidRequestError("WorkGroup is already created")
        self._check_cutoff(d.get("Configuration") or {})
        self._groups[d["Name"]] = _Workgroup(
            d["Name"], d.get("Description", ""), configuration=dict(d.get("Configuration") or {})
        )
        return {}

    def get_work_group(self, d: dict[str, Any]) -> dict[str, Any]:
        """GetWorkGroup."""
        return {"WorkGroup": self._group(d["WorkGroup"]).describe()}

    def list_work_groups(self, _d: dict[str, Any]) -> dict[str, Any]:
        """ListWorkGroups."""
        keys = ("Name", "State", "Description", "CreationTime")
        found = [group.describe() for group in self._groups.values()]
        return {"WorkGroups": [{key: group[key] for key in keys} | {"EngineVersion": ENGINE} for group in found]}

    def update_work_group(self, d: dict[str, Any]) -> dict[str, Any]:
        """UpdateWorkGroup."""
        group, updates = self._group(d["WorkGroup"]), d.get("ConfigurationUpdates") or {}
        self._check_cutoff(updates)
        group.state = d.get("State", group.state)
        group.description = d.get("Description", group.description)
        group.configuration |= {key: updates[key] for key in _SETTINGS if key in updates}
        if updates.get("RemoveBytesScannedCutoffPerQuery"):
            group.configuration.pop("BytesScannedCutoffPerQuery", None)
        if results := updates.get("ResultConfigurationUpdates"):
            kept = group.configuration.get("ResultConfiguration") or {}
            if results.get("RemoveOutputLocation"):
                kept = {key: value for key, value in kept.items() if key != "OutputLocation"}
            new = {key: value for key, value in results.items() if not key.startswith("Remove")}
            group.configuration["ResultConfiguration"] = kept | new
        return {}

    def delete_work_group(self, d: dict[str, Any]) -> dict[str, Any]:
        """DeleteWorkGroup."""
        group = self._group(d["WorkGroup"])
        if group.name == "primary":
            raise InvalidRequestError("Cannot delete primary WorkGroup")
        if group.prepared and not d.get("RecursiveDeleteOption"):
            raise InvalidRequestError(f"WorkGroup {group.name} is not empty")
        del self._groups[group.name]
        return {}

    def create_prepared_statement(self, d: dict[str, Any]) -> dict[str, Any]:
        """CreatePreparedStatement."""
        prepared = self._group(d["WorkGroup"]).prepared
        if d["StatementName"] in prepared:
            raise InvalidRequestError(f"PreparedStatement {d['StatementName']} already exists")
        return self._keep_statement(d)

    def update_prepared_statement(self, d: dict[str, Any]) -> dict[str, Any]:
        """UpdatePreparedStatement."""
        self._prepared(d)
        return self._keep_statement(d)

    def get_prepared_statement(self, d: dict[str, Any]) -> dict[str, Any]:
        """GetPreparedStatement."""
        return {"PreparedStatement": self._prepared(d)}

    def list_prepared_statements(self, d: dict[str, Any]) -> dict[str, Any]:
        """ListPreparedStatements."""
        keys = ("StatementName", "LastModifiedTime")
        found = self._group(d["WorkGroup"]).prepared.values()
        return {"PreparedStatements": [{key: statement[key] for key in keys} for statement in found]}

    def delete_prepared_statement(self, d: dict[str, Any]) -> dict[str, Any]:
        """DeletePreparedStatement."""
        self._prepared(d)
        del self._group(d["WorkGroup"]).prepared[d["StatementName"]]
        return {}

    def _keep_statement(self, d: dict[str, Any]) -> dict[str, Any]:
        self._group(d["WorkGroup"]).prepared[d["StatementName"]] = {
            "StatementName": d["StatementName"],
            "QueryStatement": d["QueryStatement"],
            "WorkGroupName": d["WorkGroup"],
            "Description": d.get("Description", ""),
            "LastModifiedTime": time.time(),
        }
        return {}

    def _prepared(self, d: dict[str, Any]) -> dict[str, Any]:
        if found := self._group(d["WorkGroup"]).prepared.get(d["StatementName"]):
            return found
        raise InvalidRequestError(
            f"PreparedStatement {d['StatementName']} was not found in workGroup {d['WorkGroup']}",
            "ResourceNotFoundException",
        )

    def _group(self, name: str) -> _Workgroup:
        if found := self._groups.get(name):
            return found
        raise InvalidRequestError(f"WorkGroup {name} is not found.")

    @staticmethod
    def _check_cutoff(configuration: dict[str, Any]) -> None:
        cutoff = configuration.get("BytesScannedCutoffPerQuery")
        if cutoff is not None and cutoff < _LEAST_CUTOFF:
            raise InvalidRequestError(f"BytesScannedCutoffPerQuery must be at least {_LEAST_CUTOFF}")
