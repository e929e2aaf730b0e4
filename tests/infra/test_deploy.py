"""Deploying and its options, on moto's AWS, with a fake CloudFormation that keeps one stack."""

import io
import json
import re
import subprocess
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, WaiterError
from moto import mock_aws

from infra import archives, deployment
from infra.__main__ import main
from infra.archives import project_archive
from infra.deployment import Deployment, scanned_since
from infra.template import load
from tests.infra.template import TEMPLATE
from tickerlake.errors import UserError

BUCKETS = ("Raw", "Warehouse", "Results")


def refused(message: str) -> ClientError:
    return ClientError({"Error": {"Code": "ValidationError", "Message": message}}, "any")


class FakeCloudFormation:
    """The operations that a deployment calls, on one stack: its states, change sets and events are CloudFormation's."""

    def __init__(self) -> None:
        self.stack: dict[str, Any] | None = None
        self.changes: dict[str, dict[str, Any]] = {}
        self.refusal = ""
        """The reason for which a change set fails."""
        self.failures: list[tuple[str, str]] = []
        """Resources that fail in an execution, with their reasons, the first one first."""
        self.events: list[dict[str, Any]] = []
        self.operations: list[str] = []
        self.meta = SimpleNamespace(region_name="us-east-1")

    def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803
        if self.stack is None:
            raise refused(f"Stack with id {StackName} does not exist")
        return {"Stacks": [self.stack]}

    def create_change_set(self, **change: Any) -> None:
        state = self.stack["StackStatus"] if self.stack else "REVIEW_IN_PROGRESS"
        is_new = state == "REVIEW_IN_PROGRESS"
        if (change["ChangeSetType"] == "CREATE") != is_new or state == "ROLLBACK_COMPLETE":
            raise refused(f"Stack is in {state} state and can not be updated")
        if not change.get("UsePreviousTemplate"):
            bucket, key = re.findall(r"https://([\w-]+)\.s3\..*?/(template/\w+\.json)", change["TemplateURL"])[0]
            template = boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
            named = {parameter["ParameterKey"] for parameter in change["Parameters"]}
            assert set(json.loads(template)["Parameters"]) >= named
        self.stack = self.stack or {"StackStatus": "REVIEW_IN_PROGRESS", "Parameters": []}
        self.changes[change["ChangeSetName"]] = change

    def delete_change_set(self, StackName: str, ChangeSetName: str) -> None:  # noqa: N803
        if self.changes.pop(ChangeSetName, None) is None:
            raise refused(f"ChangeSet [{ChangeSetName}] does not exist")

    def delete_stack(self, StackName: str, ClientRequestToken: str) -> None:  # noqa: N803
        assert self.stack is not None
        self.operations.append(f"delete {self.stack['StackStatus']}")
        self.stack = None

    def get_waiter(self, name: str) -> Any:
        def wait(**_: str) -> None:
            if self.refusal and name.startswith("change"):
                raise WaiterError(name, "failed", {"StatusReason": self.refusal})
            if name.startswith("stack") and self.stack and "ROLLBACK" in self.stack["StackStatus"]:
                raise WaiterError(name, f"matched {self.stack['StackStatus']}", {})

        return SimpleNamespace(wait=wait)

    def get_paginator(self, name: str) -> Any:
        assert name == "describe_stack_events"
        events = self.events[::-1]  # the newest come first
        return SimpleNamespace(paginate=lambda StackName: [{"StackEvents": events[:2]}, {"StackEvents": events[2:]}])  # noqa: N803

    def execute_change_set(self, StackName: str, ChangeSetName: str, ClientRequestToken: str) -> None:  # noqa: N803
        assert self.stack is not None
        change = self.changes.pop(ChangeSetName)
        before = parameters(self)
        values = {
            parameter["ParameterKey"]: parameter["ParameterValue"]
            if "ParameterValue" in parameter
            else before[parameter["ParameterKey"]]
            for parameter in change["Parameters"]
        }
        created = change["ChangeSetType"] == "CREATE"
        for number, (resource, reason) in enumerate(self.failures):
            self.events.append(
                {
                    "ClientRequestToken": ClientRequestToken,
                    "Timestamp": datetime(2026, 11, 30, 12, tzinfo=UTC) + timedelta(seconds=number),
                    "LogicalResourceId": resource,
                    "ResourceType": "AWS::Some::Type",
                    "ResourceStatus": "CREATE_FAILED" if created else "UPDATE_FAILED",
                    "ResourceStatusReason": reason,
                }
            )
        after = [{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()]
        state = "CREATE" if created else "UPDATE"
        self.operations.append(f"{state} {values.get('SchedulesState')} {values.get('KinesisShards')}")
        if self.failures:
            status = "ROLLBACK_COMPLETE" if created else "UPDATE_ROLLBACK_COMPLETE"
            kept = after if created else self.stack["Parameters"]
            self.stack = {**self.stack, "Parameters": kept, "StackStatus": status}
            return
        outputs = [{"OutputKey": "Alarms", "OutputValue": "arn:x"}]
        self.stack = {"Parameters": after, "Outputs": outputs, "StackStatus": f"{state}_COMPLETE"}


def parameters(stacks: FakeCloudFormation) -> dict[str, str]:
    assert stacks.stack is not None
    return {parameter["ParameterKey"]: parameter["ParameterValue"] for parameter in stacks.stack["Parameters"]}


@pytest.fixture
def stacks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeCloudFormation]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setattr(archives, "loader_archive", lambda: b"loader")
    monkeypatch.setattr(archives, "project_archive", lambda: b"project")
    monkeypatch.setattr(archives, "uncommitted", list)
    monkeypatch.setattr(deployment, "load", lambda: TEMPLATE)  # reading it takes half a second
    (tmp_path / "libraries.zip").write_bytes(b"libraries")
    monkeypatch.setattr(archives, "libraries_archive", lambda: tmp_path / "libraries.zip")
    with mock_aws():
        yield FakeCloudFormation()


POLICIES: list[dict[str, Any]] = []
"""Bucket policies that were put: moto does not read their conditions, and would refuse everything."""


def deployment_of(stacks: FakeCloudFormation, log: list[str]) -> Deployment:
    def client(service: str) -> Any:
        if service == "cloudformation":
            return stacks
        aws = boto3.client(service)  # type: ignore[call-overload]
        if service == "s3":
            aws.put_bucket_policy = lambda **policy: POLICIES.append(policy)
        return aws

    return Deployment("dev", client, log.append)


def test_a_deployment_is_created_and_updated_and_keeps_other_parameters(stacks: FakeCloudFormation) -> None:
    log: list[str] = []
    deployment_of(stacks, log).deploy({"AlarmEmail": "one@example.com", "MonthlyBudget": "7"})
    assert log[-1] == "Alarms: arn:x"
    first = parameters(stacks)
    assert (first["Schema"], first["AlarmEmail"], first["MonthlyBudget"]) == ("tickerlake_dev", "one@example.com", "7")
    s3 = boto3.client("s3")
    assert s3.get_object(Bucket=first["ArtifactBucket"], Key=first["LoaderKey"])["Body"].read() == b"loader"
    block = s3.get_public_access_block(Bucket=first["ArtifactBucket"])["PublicAccessBlockConfiguration"]
    assert set(block.values()) == {True}
    (statement,) = json.loads(POLICIES[-1]["Policy"])["Statement"]
    assert (statement["Effect"], statement["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    rules = s3.get_bucket_lifecycle_configuration(Bucket=first["ArtifactBucket"])["Rules"]
    assert [rule["Filter"]["Prefix"] for rule in rules if "Expiration" in rule] == ["template/"]
    assert s3.get_object(Bucket=first["ArtifactBucket"], Key=first["LibrariesKey"])["Body"].read() == b"libraries"
    deployment_of(stacks, log).deploy({"AlarmEmail": "two@example.com"})
    assert parameters(stacks) == {**first, "AlarmEmail": "two@example.com"}


def test_the_value_of_a_renamed_parameter_is_carried_over(stacks: FakeCloudFormation) -> None:
    """An update must not turn the customer's key off because its parameter has another name."""
    deployment_of(stacks, []).deploy({})
    assert stacks.stack is not None
    stacks.stack["Parameters"].append({"ParameterKey": "OwnKey", "ParameterValue": "true"})
    deployment_of(stacks, []).deploy({"MonthlyBudget": "7"})
    after = parameters(stacks)
    assert (after["UseCustomerKey"], after["MonthlyBudget"]) == ("true", "7")
    assert "OwnKey" not in after
    deployment_of(stacks, []).deploy({"UseCustomerKey": "false"})
    assert parameters(stacks)["UseCustomerKey"] == "false"


def test_no_change_is_no_failure_and_a_refusal_is_reported(stacks: FakeCloudFormation) -> None:
    log: list[str] = []
    deployment_of(stacks, log).deploy({})
    stacks.refusal = "The submitted information didn't contain changes."
    deployment_of(stacks, log).deploy({})
    assert "nothing to change" in log
    stacks.refusal = "Template error: something"
    with pytest.raises(UserError, match="tickerlake-dev: Template error: something"):
        deployment_of(stacks, log).deploy({})
    assert stacks.changes == {}, "a change set stays behind"


def test_a_first_change_set_that_fails_leaves_nothing_and_the_next_deployment_works(stacks: FakeCloudFormation) -> None:
    stacks.refusal = "Parameter RawBegins must match pattern"
    with pytest.raises(UserError, match="tickerlake-dev: Parameter RawBegins must match pattern"):
        deployment_of(stacks, []).deploy({"RawBegins": "yesterday"})
    assert (stacks.stack, stacks.changes) == (None, {})
    stacks.refusal, stacks.stack = "", {"StackStatus": "REVIEW_IN_PROGRESS", "Parameters": []}
    deployment_of(stacks, []).deploy({})
    assert stacks.stack is not None
    assert stacks.stack["StackStatus"] == "CREATE_COMPLETE"


def test_a_creation_that_failed_says_why_and_can_be_repeated_with_its_parameters(stacks: FakeCloudFormation) -> None:
    stacks.failures = [
        ("DailyBarsStream", "Resource creation cancelled"),
        ("BarsStream", "Firehose is unable to assume role"),
        ("StreamRole", "a later one"),
    ]
    with pytest.raises(UserError, match=r"BarsStream \(AWS::Some::Type\): Firehose is unable to assume role"):
        deployment_of(stacks, []).deploy({"MonthlyBudget": "7"})
    with pytest.raises(UserError, match=r"tickerlake-dev is incomplete: ROLLBACK_COMPLETE; run make deploy"):
        deployment_of(stacks, []).outputs()
    stacks.failures = []
    deployment_of(stacks, []).deploy({"AlarmEmail": "one@example.com"})
    assert stacks.operations[1] == "delete ROLLBACK_COMPLETE"
    assert (parameters(stacks)["MonthlyBudget"], parameters(stacks)["AlarmEmail"]) == ("7", "one@example.com")


def test_an_update_that_failed_names_its_own_failure_not_an_earlier_one(stacks: FakeCloudFormation) -> None:
    stacks.failures = [("BarsStream", "the first time")]
    with pytest.raises(UserError, match="the first time"):
        deployment_of(stacks, []).deploy({})
    stacks.failures = []
    deployment_of(stacks, []).deploy({})
    stacks.failures = [("Transform", "the second time")]
    with pytest.raises(UserError, match=r"Transform .*: the second time"):
        deployment_of(stacks, []).deploy({})


@pytest.mark.parametrize("state", ["UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_FAILED", "DELETE_FAILED"])
def test_a_stack_that_cannot_be_updated_is_refused_before_anything_is_uploaded(
    stacks: FakeCloudFormation, state: str
) -> None:
    stacks.stack = {"StackStatus": state, "Parameters": []}
    with pytest.raises(UserError, match=f"cannot update tickerlake-dev: it is in {state}"):
        deployment_of(stacks, []).deploy({})
    assert boto3.client("s3").list_buckets()["Buckets"] == []


@pytest.mark.parametrize("state", ["REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED"])
def test_destroy_removes_a_stack_that_was_never_complete(stacks: FakeCloudFormation, state: str) -> None:
    stacks.stack = {"StackStatus": state, "Parameters": []}
    deployment_of(stacks, []).remove(should_delete_data=True, is_dry_run=True)
    assert stacks.stack is not None
    deployment_of(stacks, []).remove(should_delete_data=True, is_dry_run=False)
    assert stacks.operations == [f"delete {state}"]
    with pytest.raises(UserError, match="no stack tickerlake-dev"):
        deployment_of(stacks, []).remove(should_delete_data=True, is_dry_run=False)


@pytest.mark.parametrize(("before", "after"), [("0", "1"), ("2", "0")])
@pytest.mark.parametrize("schedules", ["ENABLED", "DISABLED"])
def test_streams_are_replaced_only_after_they_have_delivered_what_they_buffer(
    stacks: FakeCloudFormation, monkeypatch: pytest.MonkeyPatch, before: str, after: str, schedules: str
) -> None:
    monkeypatch.setattr("infra.deployment.time.sleep", lambda seconds: stacks.operations.append(f"wait {seconds:.0f}"))
    deployment_of(stacks, []).deploy(
        {"KinesisShards": before, "SchedulesState": schedules, "BufferSeconds": "600", "MonthlyBudget": "7"}
    )
    stacks.operations.clear()
    deployment_of(stacks, []).deploy({"KinesisShards": after})
    off = [] if schedules == "DISABLED" else [f"UPDATE DISABLED {before}"]
    assert stacks.operations == [*off, "wait 1500", f"UPDATE {schedules} {after}"]
    assert parameters(stacks)["MonthlyBudget"] == "7"
    stacks.operations.clear()
    deployment_of(stacks, []).deploy({"MonthlyBudget": "8"})
    assert stacks.operations == [f"UPDATE {schedules} {after}"], "nothing is replaced, so nothing waits"


def test_destroy_that_keeps_the_data_loses_no_buffered_line(
    stacks: FakeCloudFormation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.deployment.time.sleep", lambda seconds: stacks.operations.append(f"wait {seconds:.0f}"))
    outputs = {"Schema": "mine", **{f"{name}Bucket": name.lower() for name in BUCKETS}}
    for name in BUCKETS:
        boto3.client("s3").create_bucket(Bucket=name.lower())
    for should_delete_data in (False, True):
        deployment_of(stacks, []).deploy({"KinesisShards": "0", "SchedulesState": "ENABLED", "BufferSeconds": "300"})
        assert stacks.stack is not None
        stacks.stack["Outputs"] = [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()]
        stacks.operations.clear()
        deployment_of(stacks, []).remove(should_delete_data=should_delete_data, is_dry_run=False)
        drained = [] if should_delete_data else ["UPDATE DISABLED 0", "wait 1200"]
        assert stacks.operations[: len(drained)] == drained
        assert stacks.operations[-1].startswith("delete ")
        assert len(stacks.operations) == len(drained) + 1


def test_the_databases_of_another_deployment_are_never_dropped(stacks: FakeCloudFormation) -> None:
    glue, own = boto3.client("glue"), ["marts", "audit", "published", "dbt_test__audit", "as_of", "as_of_marts"]
    others = [
        "tickerlake_dev_anna",
        "tickerlake_dev_anna_marts",
        "tickerlake_dev_anna_published",
        "tickerlake_prod_marts",
    ]
    others += ["tickerlake_dev_anna_as_of_marts", "tickerlake_develop_marts", "tickerlake_dev_marts_old"]
    templates = ["tickerlake_dev", "tickerlake_dev_raw"]
    for name in (*(f"tickerlake_dev_{schema}" for schema in own), *others, *templates):
        glue.create_database(DatabaseInput={"Name": name})
    dropped = deployment_of(stacks, []).databases("tickerlake_dev")
    assert sorted(dropped) == sorted(f"tickerlake_dev_{schema}" for schema in own)


def test_a_bucket_of_somebody_else_receives_nothing(
    stacks: FakeCloudFormation, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stranger:
        meta = SimpleNamespace(region_name="us-east-1")

        def head_bucket(self, **arguments: str) -> None:
            assert arguments["ExpectedBucketOwner"] == "123456789012"
            response: Any = {"Error": {"Code": "403", "Message": "Forbidden"}}
            raise ClientError(response, "HeadBucket")

        def __getattr__(self, name: str) -> Any:
            pytest.fail(f"{name} was called")

    def client(service: str) -> Any:
        return Stranger() if service == "s3" else boto3.client(service)  # type: ignore[call-overload]

    with pytest.raises(UserError, match="cannot use the bucket tickerlake-artifacts-123456789012-us-east-1: 403"):
        Deployment("dev", client).artifact_bucket()


def test_every_upload_names_the_owner_that_its_bucket_must_have(stacks: FakeCloudFormation) -> None:
    calls: list[tuple[str, Any]] = []

    def client(service: str) -> Any:
        aws = deployment_of(stacks, []).client(service)
        if service == "s3":
            aws.meta.events.register(
                "provide-client-params.s3.*", lambda params, model, **_: calls.append((model.name, params))
            )
        return aws

    Deployment("dev", client, lambda _: None).deploy({})
    named = [(name, params.get("ExpectedBucketOwner")) for name, params in calls if name != "CreateBucket"]
    assert {name for name, _ in named} >= {"HeadBucket", "PutObject", "HeadObject", "PutPublicAccessBlock"}
    assert {owner for _, owner in named} == {"123456789012"}


def test_libraries_are_uploaded_once_for_each_set_of_versions(
    stacks: FakeCloudFormation, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment_of(stacks, []).deploy({})
    monkeypatch.setattr(archives, "libraries_archive", lambda: pytest.fail("they were packed again"))
    deployment_of(stacks, []).deploy({"MonthlyBudget": "7"})
    first = parameters(stacks)["LibrariesKey"]
    monkeypatch.setattr(archives, "JOB_PYTHON", "3.99")
    assert first != f"libraries/{archives.libraries_version()}.zip"


def test_uncommitted_changes_that_are_packed_are_named(
    stacks: FakeCloudFormation, monkeypatch: pytest.MonkeyPatch
) -> None:
    log: list[str] = []
    monkeypatch.setattr(archives, "uncommitted", lambda: ["loader/run.py", "3 more"])
    deployment_of(stacks, log).deploy({})
    assert "packing changes that are not committed: loader/run.py, 3 more" in log


def test_what_is_not_committed_is_named_up_to_a_few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "PROJECT", tmp_path)
    assert archives.uncommitted() == [], "no clone"
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    assert archives.uncommitted() == []
    for number in range(7):
        (tmp_path / f"{number}.py").touch()
    assert archives.uncommitted() == ["0.py", "1.py", "2.py", "3.py", "4.py", "2 more"]


def test_a_missing_stack_is_named(stacks: FakeCloudFormation, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UserError, match="no stack tickerlake-dev; create it with make deploy ENV=dev"):
        deployment_of(stacks, []).outputs()
    assert main(["deploy", "dev", "AlarmEmail"]) == 2
    assert "cannot read the parameter AlarmEmail: no value; write AlarmEmail=value" in capsys.readouterr().err


def test_a_key_is_checked_and_never_logged(stacks: FakeCloudFormation) -> None:
    boto3.client("ssm").put_parameter(Name="/a/key", Value="0123456789abcdef", Type="SecureString")
    check = Deployment("dev")._check_key
    assert check("/a/key") == (True, "is set")
    assert check("/no/key") == (False, "cannot read /no/key: ParameterNotFound")


def test_the_job_s_archive_has_what_it_runs_and_is_reproducible() -> None:
    archive = project_archive()
    names = set(zipfile.ZipFile(io.BytesIO(archive)).namelist())
    needed = {
        "dbt_project.yml",
        "profiles.yml.example",
        "requirements/base.txt",
        "pipeline/job.py",
        "loader/store.py",
        "seeds/symbol.csv",
        "selectors.yml",
        "tests/warehouse/fct_bar_holds_no_alias.sql",
    }
    assert needed <= names, needed - names
    assert not [name for name in names if name.startswith(("docs/", "local_aws/")) or name.endswith("/test_job.py")]
    assert {entry.date_time for entry in zipfile.ZipFile(io.BytesIO(archive)).infolist()} == {(1980, 1, 1, 0, 0, 0)}
    assert {entry.external_attr >> 16 for entry in zipfile.ZipFile(io.BytesIO(archive)).infolist()} == {0o644}
    assert project_archive() == archive


def test_the_template_is_small_enough_for_cloudformation() -> None:
    assert len(json.dumps(load())) < 1_000_000


class FakeRunners:
    """The operations of Lambda and CodeBuild that a run calls."""

    def __init__(self, response: dict[str, Any], error: str = "", final_state: str = "SUCCEEDED") -> None:
        self._response, self._error, self._states = response, error, iter(["IN_PROGRESS", final_state])
        self.started: dict[str, Any] = {}

    def invoke(self, **_: Any) -> dict[str, Any]:
        body = {"Payload": io.BytesIO(json.dumps(self._response).encode())}
        return body | ({"FunctionError": self._error} if self._error else {})

    def start_build(self, **arguments: Any) -> dict[str, Any]:
        self.started = arguments
        return {"build": {"id": "one"}}

    def batch_get_builds(self, ids: list[str]) -> dict[str, Any]:
        return {"builds": [{"buildStatus": next(self._states)}]}


def deployment_running(runners: FakeRunners, log: list[str], monkeypatch: pytest.MonkeyPatch) -> Deployment:
    monkeypatch.setattr(deployment, "_POLL_SECONDS", 0.0)
    boto3.client("s3").create_bucket(Bucket="raw")
    record = {"steps": [{"name": "plan", "status": "done", "seconds": 1.5, "problem": ""}], "measured": {"models": 3.0}}
    boto3.client("s3").put_object(Bucket="raw", Key="state/transformation/1.json", Body=json.dumps(record).encode())
    outputs = {"Loader": "loader", "Transform": "job", "RawBucket": "raw", "Workgroup": "primary"}

    def client(service: str) -> Any:
        return runners if service in ("lambda", "codebuild") else boto3.client(service)  # type: ignore[call-overload]

    return Deployment("dev", client, log.append, outputs)


def test_a_run_reports_what_landed_what_was_built_and_what_it_cost(
    stacks: FakeCloudFormation, monkeypatch: pytest.MonkeyPatch
) -> None:
    log: list[str] = []
    runners = FakeRunners({"confirmed": 42})
    assert deployment_running(runners, log, monkeypatch).run("nightly")
    assert runners.started["environmentVariablesOverride"] == [{"name": "SELECTOR", "value": "nightly"}]
    assert log == [
        "loader: 42 lines landed",
        "transformation: SUCCEEDED",
        "  plan: done in 1.5 s",
        "  models 3.0",
        "  Athena: 0.0 MB scanned, about 0.0000 dollars",
    ]


def test_the_price_of_a_run_on_athena_is_what_would_be_billed() -> None:
    """A statement costs 10 MB at least, whole megabytes beyond that; failed ones and DDL are free."""
    began = datetime(2026, 11, 20, 15, tzinfo=UTC)

    def statement(kind: str, scanned: int, state: str = "SUCCEEDED", minute: int = 1) -> dict[str, Any]:
        return {
            "SubstatementType": kind,
            "Statistics": {"DataScannedInBytes": scanned},
            "Status": {"State": state, "SubmissionDateTime": began + timedelta(minutes=minute)},
        }

    pages = [
        [statement("MERGE", 12_300_000), statement("SELECT", 1, "FAILED"), statement("CREATE_TABLE", 0)],
        [
            {"Status": {"State": "SUCCEEDED", "SubmissionDateTime": began}},
            statement("SELECT", 5, minute=0),
            statement("SELECT", 70_000_000, minute=-1),
        ],
    ]
    ids = [{"QueryExecutionIds": [number]} for number in range(len(pages))]
    athena: Any = SimpleNamespace(
        get_paginator=lambda _: SimpleNamespace(paginate=lambda WorkGroup: ids),  # noqa: N803
        batch_get_query_execution=lambda QueryExecutionIds: {"QueryExecutions": pages[QueryExecutionIds[0]]},  # noqa: N803
    )
    scanned, dollars = scanned_since(athena, "mine", began)
    assert scanned == 12_300_006
    assert dollars == pytest.approx((13_000_000 + 10_000_000) / 2**40 * 5)


@pytest.mark.parametrize(
    ("runners", "expected"),
    [
        (
            FakeRunners({"errorType": "UserError", "errorMessage": "no key"}, "Unhandled"),
            "FAILED UserError: no key",
        ),
        (FakeRunners({"skipped": "closed"}, final_state="FAILED"), "transformation: FAILED"),
    ],
)
def test_a_run_that_failed_is_a_failure(
    stacks: FakeCloudFormation, monkeypatch: pytest.MonkeyPatch, runners: FakeRunners, expected: str
) -> None:
    log: list[str] = []
    assert not deployment_running(runners, log, monkeypatch).run("intraday")
    assert any(expected in line for line in log)


def test_removal_without_data_keeps_raw_and_tables(stacks: FakeCloudFormation) -> None:
    log: list[str] = []
    s3, outputs = boto3.client("s3"), {"Schema": "mine", **{f"{name}Bucket": name.lower() for name in BUCKETS}}
    for name in BUCKETS:
        s3.create_bucket(Bucket=name.lower())
        s3.put_object(Bucket=name.lower(), Key="one", Body=b"x")
    Deployment("dev", boto3.client, log.append, outputs).remove(  # type: ignore[arg-type]
        should_delete_data=False, is_dry_run=False, delete_stack=lambda: log.append("stack deleted")
    )
    left = {name: s3.list_objects_v2(Bucket=name.lower())["KeyCount"] for name in BUCKETS}
    assert left == {"Raw": 1, "Warehouse": 1, "Results": 0}
    assert log[-2:] == ["stack deleted", "kept: raw, warehouse"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], {"should_delete_data": False, "is_dry_run": True}),
        (["--delete-data"], {"should_delete_data": True, "is_dry_run": True}),
        (["--yes"], {"should_delete_data": False, "is_dry_run": False}),
        (["--yes", "--delete-data"], {"should_delete_data": True, "is_dry_run": False}),
    ],
)
def test_destroy_is_a_dry_run_unless_it_is_confirmed(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    expected: dict[str, bool],
) -> None:
    calls: list[dict[str, bool]] = []
    monkeypatch.setattr(Deployment, "remove", lambda _, **arguments: calls.append(arguments))
    assert main(["destroy", "dev", *options]) == 0
    assert calls == [expected]
    assert ("dry run: nothing was removed; pass --yes" in capsys.readouterr().out) == expected["is_dry_run"]


@pytest.mark.parametrize(("variable", "value"), [("SURE", "tickerlake-dev"), ("DATA", "delete")])
def test_destroy_refuses_the_former_variables(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], variable: str, value: str
) -> None:
    monkeypatch.setattr(Deployment, "remove", lambda *_, **__: pytest.fail("something was removed"))
    monkeypatch.setenv(variable, value)
    assert main(["destroy", "dev", "--yes"]) == 2
    assert f"{variable} is no longer read: {value}; unset it and pass --yes" in capsys.readouterr().err


def test_the_loader_receives_its_arguments_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[list[str]] = []
    monkeypatch.setattr(Deployment, "loader_environment", lambda _: {})

    def run(command: list[str], **_: Any) -> SimpleNamespace:
        calls.append(command)
        return SimpleNamespace(returncode=1)

    monkeypatch.setattr("infra.__main__.subprocess.run", run)
    assert main(["loader", "dev", "backfill", "--symbols", "TSLA", "--dry-run", "--help"]) == 1
    assert calls[0][1:] == ["-m", "loader", "backfill", "--symbols", "TSLA", "--dry-run", "--help"]
