"""Deploying and its options, with AWS played by moto and CloudFormation by a class that keeps one stack."""

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

from infra import deployment
from infra.__main__ import main
from infra.deployment import Deployment, project_archive, scanned_since
from infra.template import load
from tickerlake.errors import UserError


class Stacks:
    """CloudFormation as far as a deployment asks it: a change set becomes the stack when it is executed."""

    def __init__(self) -> None:
        self.stack: dict[str, Any] | None = None
        self.change: dict[str, Any] = {}
        self.refusing = ""
        self.meta = SimpleNamespace(region_name="us-east-1")

    def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803
        if self.stack is None:
            answer: Any = {"Error": {"Code": "ValidationError", "Message": f"Stack {StackName} does not exist"}}
            raise ClientError(answer, "DescribeStacks")
        return {"Stacks": [self.stack]}

    def create_change_set(self, **change: Any) -> None:
        assert change["ChangeSetType"] == ("CREATE" if self.stack is None else "UPDATE")
        bucket, key = re.findall(r"https://([\w-]+)\.s3\..*/(\w+\.json)", change["TemplateURL"])[0]
        template = boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
        assert set(json.loads(template)["Parameters"]) >= {one["ParameterKey"] for one in change["Parameters"]}
        self.change = change

    def get_waiter(self, name: str) -> Any:
        def wait(**_: str) -> None:
            if self.refusing and name.startswith("change"):
                raise WaiterError(name, "failed", {"StatusReason": self.refusing})

        return SimpleNamespace(wait=wait)

    def execute_change_set(self, **_: str) -> None:
        before = parameters(self) if self.stack else {}
        given = {
            one["ParameterKey"]: one.get("ParameterValue") or before[one["ParameterKey"]]
            for one in self.change["Parameters"]
        }
        listed = [{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()]
        self.stack = {"Parameters": listed, "Outputs": [{"OutputKey": "Alarms", "OutputValue": "arn:x"}]}


def parameters(stacks: Stacks) -> dict[str, str]:
    assert stacks.stack is not None
    return {one["ParameterKey"]: one["ParameterValue"] for one in stacks.stack["Parameters"]}


@pytest.fixture
def stacks(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stacks]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setattr(deployment, "loader_archive", lambda: b"loader")
    monkeypatch.setattr(deployment, "project_archive", lambda: b"project")
    with mock_aws():
        yield Stacks()


def deployed(stacks: Stacks, said: list[str]) -> Deployment:
    def client(service: str) -> Any:
        return stacks if service == "cloudformation" else boto3.client(service)  # type: ignore[call-overload]

    return Deployment("dev", client, said.append)


def test_a_deployment_is_made_and_changed_and_keeps_what_is_not_named(stacks: Stacks) -> None:
    said: list[str] = []
    deployed(stacks, said).deploy({"AlarmEmail": "one@example.com", "MonthlyBudget": "7"})
    assert said == ["Alarms: arn:x"]
    first = parameters(stacks)
    assert (first["Schema"], first["AlarmEmail"], first["MonthlyBudget"]) == ("tickerlake_dev", "one@example.com", "7")
    s3 = boto3.client("s3")
    assert s3.get_object(Bucket=first["ArtifactBucket"], Key=first["LoaderKey"])["Body"].read() == b"loader"
    closed = s3.get_public_access_block(Bucket=first["ArtifactBucket"])["PublicAccessBlockConfiguration"]
    assert set(closed.values()) == {True}
    deployed(stacks, said).deploy({"AlarmEmail": "two@example.com"})
    assert parameters(stacks) == {**first, "AlarmEmail": "two@example.com"}


def test_nothing_to_change_is_no_failure_and_a_refusal_is_told(stacks: Stacks) -> None:
    said: list[str] = []
    deployed(stacks, said).deploy({})
    stacks.refusing = "The submitted information didn't contain changes."
    deployed(stacks, said).deploy({})
    assert "nothing to change" in said
    stacks.refusing = "Template error: something"
    with pytest.raises(UserError, match="tickerlake-dev: Template error: something"):
        deployed(stacks, said).deploy({})


def test_a_stack_that_is_not_there_is_named(stacks: Stacks, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UserError, match=r"no stack tickerlake-dev: .*does not exist"):
        deployed(stacks, []).outputs()
    assert main(["deploy", "dev", "AlarmEmail"]) == 2
    assert "parameters are written Name=value, not AlarmEmail" in capsys.readouterr().err


def test_a_key_is_looked_for_and_never_said(stacks: Stacks) -> None:
    boto3.client("ssm").put_parameter(Name="/a/key", Value="0123456789abcdef", Type="SecureString")
    checks: Any = Deployment("dev")._key
    assert checks("/a/key") == "there"
    assert checks("/no/key") == "NOT readable: /no/key: ParameterNotFound"


def test_the_jobs_archive_holds_what_it_runs_and_is_the_same_each_time() -> None:
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


class Runners:
    """Lambda and CodeBuild as far as a run asks them."""

    def __init__(self, answer: dict[str, Any], error: str = "", ends: str = "SUCCEEDED") -> None:
        self._answer, self._error, self._states = answer, error, iter(["IN_PROGRESS", ends])
        self.started: dict[str, Any] = {}

    def invoke(self, **_: Any) -> dict[str, Any]:
        body = {"Payload": io.BytesIO(json.dumps(self._answer).encode())}
        return body | ({"FunctionError": self._error} if self._error else {})

    def start_build(self, **given: Any) -> dict[str, Any]:
        self.started = given
        return {"build": {"id": "one"}}

    def batch_get_builds(self, ids: list[str]) -> dict[str, Any]:
        return {"builds": [{"buildStatus": next(self._states)}]}


def running(runners: Runners, said: list[str], monkeypatch: pytest.MonkeyPatch) -> Deployment:
    monkeypatch.setattr(deployment, "_POLL_SECONDS", 0.0)
    boto3.client("s3").create_bucket(Bucket="raw")
    record = {"steps": [{"name": "plan", "status": "done", "seconds": 1.5, "problem": ""}], "measured": {"models": 3.0}}
    boto3.client("s3").put_object(Bucket="raw", Key="state/transformation/1.json", Body=json.dumps(record).encode())
    known = {"Loader": "loader", "Transform": "job", "RawBucket": "raw", "Workgroup": "primary"}

    def client(service: str) -> Any:
        return runners if service in ("lambda", "codebuild") else boto3.client(service)  # type: ignore[call-overload]

    return Deployment("dev", client, said.append, known)


def test_a_run_says_what_landed_what_was_built_and_what_it_cost(
    stacks: Stacks, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    runners = Runners({"confirmed": 42})
    assert running(runners, said, monkeypatch).run("nightly")
    assert runners.started["environmentVariablesOverride"] == [{"name": "SELECTOR", "value": "nightly"}]
    assert said == [
        "loader: 42 lines landed",
        "transformation: SUCCEEDED",
        "  plan: done in 1.5 s",
        "  models 3.0",
        "  Athena: 0.0 MB scanned, some 0.0000 dollars",
    ]


def test_athenas_share_of_a_run_is_what_would_be_billed() -> None:
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
    athena = SimpleNamespace(
        get_paginator=lambda _: SimpleNamespace(paginate=lambda WorkGroup: ids),  # noqa: N803
        batch_get_query_execution=lambda QueryExecutionIds: {"QueryExecutions": pages[QueryExecutionIds[0]]},  # noqa: N803
    )
    scanned, dollars = scanned_since(athena, "mine", began)
    assert scanned == 12_300_006
    assert dollars == pytest.approx((13_000_000 + 10_000_000) / 2**40 * 5)


@pytest.mark.parametrize(
    ("runners", "tells"),
    [
        (
            Runners({"errorType": "UserError", "errorMessage": "no key"}, "Unhandled"),
            "FAILED UserError: no key",
        ),
        (Runners({"skipped": "closed"}, ends="FAILED"), "transformation: FAILED"),
    ],
)
def test_a_run_that_failed_is_a_failure(
    stacks: Stacks, monkeypatch: pytest.MonkeyPatch, runners: Runners, tells: str
) -> None:
    said: list[str] = []
    assert not running(runners, said, monkeypatch).run("intraday")
    assert any(tells in line for line in said)


def test_a_tear_down_without_data_keeps_raw_and_tables(stacks: Stacks) -> None:
    said: list[str] = []
    s3, known = boto3.client("s3"), {"Schema": "mine", **{f"{name}Bucket": name.lower() for name in KEPT}}
    for name in KEPT:
        s3.create_bucket(Bucket=name.lower())
        s3.put_object(Bucket=name.lower(), Key="one", Body=b"x")
    Deployment("dev", boto3.client, said.append, known).remove(  # type: ignore[arg-type]
        deletes_data=False, is_rehearsal=False, deletes_stack=lambda: said.append("gone")
    )
    left = {name: s3.list_objects_v2(Bucket=name.lower())["KeyCount"] for name in KEPT}
    assert left == {"Raw": 1, "Warehouse": 1, "Results": 0}
    assert said[-2:] == ["gone", "kept: raw, warehouse"]


KEPT = ("Raw", "Warehouse", "Results")
