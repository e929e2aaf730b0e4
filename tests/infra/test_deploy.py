"""Deploying and its options, on moto's AWS, with a fake CloudFormation that keeps one stack."""

import io
import json
import re
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
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
from tickerlake.errors import UserError

BUCKETS = ("Raw", "Warehouse", "Results")


class FakeCloudFormation:
    """The operations that a deployment calls: a change set becomes the stack when it is executed."""

    def __init__(self) -> None:
        self.stack: dict[str, Any] | None = None
        self.change: dict[str, Any] = {}
        self.refusal = ""
        self.meta = SimpleNamespace(region_name="us-east-1")

    def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803
        if self.stack is None:
            response: Any = {"Error": {"Code": "ValidationError", "Message": f"Stack {StackName} does not exist"}}
            raise ClientError(response, "DescribeStacks")
        return {"Stacks": [self.stack]}

    def create_change_set(self, **change: Any) -> None:
        assert change["ChangeSetType"] == ("CREATE" if self.stack is None else "UPDATE")
        bucket, key = re.findall(r"https://([\w-]+)\.s3\..*/(\w+\.json)", change["TemplateURL"])[0]
        template = boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
        assert set(json.loads(template)["Parameters"]) >= {
            parameter["ParameterKey"] for parameter in change["Parameters"]
        }
        self.change = change

    def get_waiter(self, name: str) -> Any:
        def wait(**_: str) -> None:
            if self.refusal and name.startswith("change"):
                raise WaiterError(name, "failed", {"StatusReason": self.refusal})

        return SimpleNamespace(wait=wait)

    def execute_change_set(self, **_: str) -> None:
        before = parameters(self) if self.stack else {}
        values = {
            parameter["ParameterKey"]: parameter.get("ParameterValue") or before[parameter["ParameterKey"]]
            for parameter in self.change["Parameters"]
        }
        after = [{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()]
        self.stack = {"Parameters": after, "Outputs": [{"OutputKey": "Alarms", "OutputValue": "arn:x"}]}


def parameters(stacks: FakeCloudFormation) -> dict[str, str]:
    assert stacks.stack is not None
    return {parameter["ParameterKey"]: parameter["ParameterValue"] for parameter in stacks.stack["Parameters"]}


@pytest.fixture
def stacks(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeCloudFormation]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setattr(archives, "loader_archive", lambda: b"loader")
    monkeypatch.setattr(archives, "project_archive", lambda: b"project")
    with mock_aws():
        yield FakeCloudFormation()


def deployment_of(stacks: FakeCloudFormation, log: list[str]) -> Deployment:
    def client(service: str) -> Any:
        return stacks if service == "cloudformation" else boto3.client(service)  # type: ignore[call-overload]

    return Deployment("dev", client, log.append)


def test_a_deployment_is_created_and_updated_and_keeps_other_parameters(stacks: FakeCloudFormation) -> None:
    log: list[str] = []
    deployment_of(stacks, log).deploy({"AlarmEmail": "one@example.com", "MonthlyBudget": "7"})
    assert log == ["Alarms: arn:x"]
    first = parameters(stacks)
    assert (first["Schema"], first["AlarmEmail"], first["MonthlyBudget"]) == ("tickerlake_dev", "one@example.com", "7")
    s3 = boto3.client("s3")
    assert s3.get_object(Bucket=first["ArtifactBucket"], Key=first["LoaderKey"])["Body"].read() == b"loader"
    block = s3.get_public_access_block(Bucket=first["ArtifactBucket"])["PublicAccessBlockConfiguration"]
    assert set(block.values()) == {True}
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


def test_a_missing_stack_is_named(stacks: FakeCloudFormation, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UserError, match=r"no stack tickerlake-dev: .*does not exist"):
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
