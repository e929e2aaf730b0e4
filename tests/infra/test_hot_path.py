"""The hot path of the template: an option whose role allows what the function uses, and no more."""

import re
from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from serving.alerts.handler import lambda_handler, processor_from_environment
from testkit.lake import bar
from tests.infra.template import RESOURCES, TEMPLATE, assert_only_own_resources_refer_to
from tests.serving.alert_stage import kinesis_event
from tickerlake.lake import PROJECT

SOURCE = "".join((PROJECT / "serving" / "alerts" / name).read_text() for name in ("processor.py", "handler.py"))
OWN = {name for name, resource in RESOURCES.items() if resource.get("Condition") in ("HasHotPath", "HasAlertEmail")}
FUNCTION = RESOURCES["HotPathFunction"]["Properties"]


def granted(target: str) -> set[str]:
    """Return the actions that the function's role allows on a resource."""
    actions: set[str] = set()
    for statement in RESOURCES["HotPathRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]:
        if statement.get("Resource") in ({"Fn::GetAtt": [target, "Arn"]}, {"Ref": target}):
            actions |= set(statement["Action"])
    return actions


def test_it_is_off_by_default_and_then_creates_no_resource() -> None:
    assert TEMPLATE["Parameters"]["HotPath"]["Default"] == "false"
    names = {"HotBars", "HotAlerts", "Signals", "HotPathRole", "HotPathFunction", "HotPathSource", "HotPathFails"}
    assert names < OWN
    assert_only_own_resources_refer_to(OWN)
    assert TEMPLATE["Conditions"]["HasHotPath"]["Fn::And"][1] == {"Condition": "HasKinesis"}
    assert "HotPathNeedsAStream" in TEMPLATE["Rules"]


@pytest.mark.parametrize(("table", "attribute"), [("HotBars", "bars"), ("HotAlerts", "alerts")])
def test_the_role_allows_the_calls_that_the_code_makes_and_no_others(table: str, attribute: str) -> None:
    calls = {
        "".join(map(str.title, c.split("_"))) for c in re.findall(rf"self\.{attribute}\.([a-z]+_?[a-z]*)\b", SOURCE)
    }
    assert calls
    assert granted(table) == {f"dynamodb:{call}" for call in calls}


def test_it_publishes_to_its_own_topic_and_reads_one_stream() -> None:
    assert granted("Signals") == {"sns:Publish"}
    assert {action.split(":")[0] for action in granted("BarsKinesisStream")} == {"kinesis"}
    source = RESOURCES["HotPathSource"]["Properties"]
    assert source["EventSourceArn"] == {"Fn::GetAtt": ["BarsKinesisStream", "Arn"]}
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert source["DestinationConfig"]["OnFailure"]["Destination"] == {"Fn::GetAtt": ["DeadLetters", "Arn"]}


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """Create the template's tables and topic on moto, and set the function's variables."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        dynamodb = boto3.client("dynamodb")
        created = {"Signals": boto3.client("sns").create_topic(Name="signals")["TopicArn"], "CoolDownMinutes": "0"}
        for name in ("HotBars", "HotAlerts"):
            properties = dict(RESOURCES[name]["Properties"])
            lifetime = properties.pop("TimeToLiveSpecification", None)
            properties.pop("SSESpecification")
            dynamodb.create_table(TableName=name, **properties)
            if lifetime:
                dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=lifetime)
            created[name] = name
        for variable, value in FUNCTION["Environment"]["Variables"].items():
            monkeypatch.setenv(variable, created[value["Ref"]])
        processor_from_environment.cache_clear()
        yield created
    processor_from_environment.cache_clear()


def test_the_handler_works_on_the_templates_tables_with_the_templates_variables(deployed: dict[str, str]) -> None:
    assert FUNCTION["Handler"] == f"{lambda_handler.__module__}.{lambda_handler.__name__}"
    lines = [
        bar(minute=f"2026-03-02T15:{at:02d}:00Z", close="110" if at == 4 else "100", line_number=at + 1)
        for at in range(5)
    ]
    assert lambda_handler(kinesis_event(lines)) == {"batchItemFailures": []}
    bars, alerts = (boto3.resource("dynamodb").Table(name).scan()["Items"] for name in ("HotBars", "HotAlerts"))
    assert len(bars) == 5
    assert {alert["signal_type"] for alert in alerts} == {"anomaly"}
    described = boto3.client("dynamodb").describe_time_to_live(TableName="HotBars")["TimeToLiveDescription"]
    assert described["AttributeName"] in bars[0]
