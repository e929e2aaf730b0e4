"""Rules for the template that linters do not know: drift, privileges, storage, schedules."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml

from infra import raw_zone
from loader import handler
from loader.settings import DATASETS, SINKS, read_settings
from tests.e2e.local_stack import HOW
from tests.infra.template import RESOURCES, TEMPLATE
from tickerlake.lake import PROJECT

NOT_STAGED = {"vendor_label", "payload_sha256"}
"""Fields of the contract that the warehouse does not read: they trace a line to the vendor's response."""
MAY_NAME_EVERYTHING = {
    "NeedsAllActionsToDenyPlainHttp": "a Deny statement must name every action",
    "NeedsAllResourcesForMetrics": "PutMetricData has no resources; limited to one namespace",
    "AccountAdministersItsKey": "a key policy names its own key as *",
    "ServicesOfThisAccountUseIt": "as AccountAdministersItsKey; limited to this account",
    "EventsPublishToEncryptedTopic": "as AccountAdministersItsKey; EventBridge supports no condition",
    "LogGroupsOfThisAccountUseIt": "as AccountAdministersItsKey; limited to log groups of this account",
}


def of_type(kind: str) -> dict[str, dict[str, Any]]:
    properties = {
        name: resource["Properties"] for name, resource in RESOURCES.items() if resource["Type"] == f"AWS::{kind}"
    }
    assert properties
    return properties


def walk(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every mapping in a value, itself included."""
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from walk(inner)


def statements() -> list[dict[str, Any]]:
    return [mapping for mapping in walk(RESOURCES) if "Effect" in mapping]


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_the_generated_part_is_what_the_record_contract_gives() -> None:
    text = raw_zone.TEMPLATE.read_text()
    assert raw_zone.renew(text) == text, "run `make template`"


@pytest.mark.parametrize("dataset", [name for name in DATASETS if name != "loader_runs"])
def test_contract_template_and_staging_name_the_same_fields(dataset: str) -> None:
    fields = raw_zone.record_fields()[dataset]
    staging = (PROJECT / "models/staging/market" / f"stg_market__{dataset.removesuffix('s')}.sql").read_text()
    call = re.search(r"parsed_lines\('(\w+)', \[(.*?)\]", staging, re.DOTALL)
    assert call is not None
    assert call[1] == dataset
    assert set(re.findall(r"'(\w+)'", call[2])) == set(fields) - NOT_STAGED
    (table,) = [table for table in tables() if table["Name"] == dataset]
    assert table["Parameters"]["record_fields"].split() == fields
    sources = yaml.safe_load((PROJECT / "models/staging/market/_sources.yml").read_text())["sources"]
    (source,) = [source for source in sources[0]["tables"] if source["name"] == dataset]
    columns = [column["Name"] for column in table["StorageDescriptor"]["Columns"] + table["PartitionKeys"]]
    assert [column["name"] for column in source["columns"]] == columns


def tables() -> list[dict[str, Any]]:
    return [properties["TableInput"] for properties in of_type("Glue::Table").values()]


def test_the_raw_zone_begins_on_the_project_s_date() -> None:
    project = yaml.safe_load((PROJECT / "dbt_project.yml").read_text())
    assert TEMPLATE["Parameters"]["RawBegins"]["Default"] == project["vars"]["raw_begins"]


def test_each_dataset_has_a_stream_that_delivers_to_the_location_of_its_table() -> None:
    destinations = [
        properties["ExtendedS3DestinationConfiguration"]
        for properties in of_type("KinesisFirehose::DeliveryStream").values()
    ]
    streams = {destination["Prefix"].split("/")[1]: destination for destination in destinations}
    assert streams.keys() == set(DATASETS) == {table["Name"] for table in tables()}
    for table in tables():
        stream, dataset = streams[table["Name"]], table["Name"]
        assert stream["Prefix"] == f"raw/{dataset}/dt=!{{timestamp:yyyy-MM-dd}}/hr=!{{timestamp:HH}}/"
        assert (stream["CompressionFormat"], stream["FileExtension"]) == ("GZIP", ".ndjson.gz")
        assert not stream["ErrorOutputPrefix"].startswith("raw/")
        template = table["Parameters"]["storage.location.template"]["Fn::Sub"]
        assert template == f"s3://${{RawBucket}}/raw/{dataset}/dt=${{!dt}}/"
        assert table["StorageDescriptor"]["Location"]["Fn::Sub"] == f"s3://${{RawBucket}}/raw/{dataset}/"


def test_nothing_has_a_fixed_name() -> None:
    name_property = re.compile(
        r"(Bucket|Function|Role|Policy|Topic|Queue|Stream|DeliveryStream|LogGroup|Alarm|Dashboard)Name"
    )
    allowed = {"PolicyName"}  # an inline policy's name is unique within its role
    for name, resource in RESOURCES.items():
        for key, value in resource["Properties"].items():
            if (key == "Name" or name_property.fullmatch(key)) and key not in allowed:
                assert isinstance(value, dict), f"{name}.{key} is fixed: {value}"


def test_only_listed_permissions_name_every_action_or_every_resource() -> None:
    assert len(statements()) > 20
    for statement in statements():
        is_listed = statement.get("Sid") in MAY_NAME_EVERYTHING
        wildcards = [action for action in as_list(statement["Action"]) if "*" in action]
        assert not wildcards or (is_listed and statement["Effect"] == "Deny"), statement
        assert "*" not in as_list(statement.get("Resource", [])) or is_listed, statement
        if statement["Effect"] == "Allow" and "Principal" in statement:
            assert statement["Principal"] != "*", statement
    used = {statement.get("Sid") for statement in statements()}
    assert set(MAY_NAME_EVERYTHING) <= used, "an exception that nothing needs"


def test_each_function_and_job_has_a_role_of_its_own() -> None:
    roles = [function["Role"]["Fn::GetAtt"][0] for function in of_type("Serverless::Function").values()]
    roles += [job["ServiceRole"]["Fn::GetAtt"][0] for job in of_type("CodeBuild::Project").values()]
    assert len(set(roles)) == len(roles) == 5


def test_every_bucket_is_private_encrypted_versioned_and_refuses_plain_http() -> None:
    buckets = of_type("S3::Bucket")
    assert len(buckets) == 3
    denied = {
        policy["Bucket"]["Ref"]: policy["PolicyDocument"]["Statement"][0]
        for policy in of_type("S3::BucketPolicy").values()
    }
    for name, bucket in buckets.items():
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
        assert bucket["VersioningConfiguration"]["Status"] == "Enabled"
        (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"]["Fn::If"][1:] == ["aws:kms", "AES256"]
        assert (denied[name]["Effect"], denied[name]["Condition"]) == (
            "Deny",
            {"Bool": {"aws:SecureTransport": "false"}},
        )
        rules = bucket["LifecycleConfiguration"]["Rules"]
        assert any("AbortIncompleteMultipartUpload" in rule for rule in rules)
        assert any("NoncurrentVersionExpiration" in rule for rule in rules)


def test_raw_never_expires_and_stays_directly_readable_and_results_expire() -> None:
    def rules(bucket: str) -> Any:
        return RESOURCES[bucket]["Properties"]["LifecycleConfiguration"]["Rules"]

    for bucket in ("RawBucket", "WarehouseBucket"):
        assert not [rule for rule in rules(bucket) if "ExpirationInDays" in rule]
        # kept for ever, except by a creation that fails: it would leave an orphan at each attempt
        assert RESOURCES[bucket]["DeletionPolicy"] == "RetainExceptOnCreate"
        assert RESOURCES[bucket]["UpdateReplacePolicy"] == "Retain"
    moves = [move["StorageClass"] for rule in rules("RawBucket") for move in rule.get("Transitions", [])]
    assert moves
    assert set(moves) <= {"STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR"}
    assert [rule["ExpirationInDays"] for rule in rules("ResultsBucket")] == [14]


def test_a_build_that_another_one_refuses_is_started_within_the_hour() -> None:
    schedules = of_type("Scheduler::Schedule")
    for name in ("Intraday", "Nightly", "Weekly"):
        policy = schedules[name]["Target"]["RetryPolicy"]
        assert 1800 <= policy["MaximumEventAgeInSeconds"] < 3600, name  # the next one is due after an hour
        assert policy["MaximumRetryAttempts"] >= 10, name


def test_no_schedule_starts_before_somebody_enables_it() -> None:
    assert TEMPLATE["Parameters"]["SchedulesState"]["Default"] == "DISABLED"
    assert all(schedule["State"] == {"Ref": "SchedulesState"} for schedule in of_type("Scheduler::Schedule").values())
    for name in ("LoaderNotInvoked", "TablesAreStale"):
        assert RESOURCES[name]["Properties"]["ActionsEnabled"] == {"Fn::If": ["HasSchedules", True, False]}
    assert TEMPLATE["Outputs"]["SchedulesState"] == {"Value": {"Ref": "SchedulesState"}}


def test_the_loader_s_metrics_name_the_deployment_and_its_alarms_watch_no_other() -> None:
    measured = handler.metrics(
        {"requests": 1, "sent": 1, "confirmed": 1, "dead_lettered": 0, "outcomes": {}, "run_id": "x"},
        "yahoo",
        1.0,
        None,
        datetime(2026, 3, 2, tzinfo=UTC),
    )
    directive: Any = measured["_aws"]
    (dimensions,) = directive["CloudWatchMetrics"][0]["Dimensions"]
    assert set(dimensions) == {"source", "deployment"} <= measured.keys()
    variables = TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]
    assert variables["TICKERLAKE_DEPLOYMENT"] == {"Ref": "AWS::StackName"}
    watched = [alarm for alarm in of_type("CloudWatch::Alarm").values() if alarm.get("Namespace") == "tickerlake"]
    for alarm in watched:
        names = {dimension["Name"] for dimension in alarm["Dimensions"]}
        assert names in ({"source", "deployment"}, {"schema"}), alarm["MetricName"]
    widgets = json.loads(RESOURCES["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"])["widgets"]
    drawn = [metric for widget in widgets for metric in widget["properties"]["metrics"] if metric[0] == "tickerlake"]
    assert all("schema" in metric or metric[2::2] == ["source", "deployment"] for metric in drawn)


def test_the_mail_about_a_failed_build_needs_no_condition_that_eventbridge_does_not_send() -> None:
    for name, policy in (("AlarmsPolicy", "PolicyDocument"), ("Key", "KeyPolicy")):
        allowed = [
            statement
            for statement in RESOURCES[name]["Properties"][policy]["Statement"]
            if "events.amazonaws.com" in json.dumps(statement.get("Principal"))
        ]
        assert allowed, name
        assert [statement for statement in allowed if "Condition" in statement] == [], name


def test_a_missed_minute_is_not_retried_and_goes_to_the_dead_letter_queue() -> None:
    schedules = of_type("Scheduler::Schedule")
    minute = schedules["EveryMinute"]["Target"]
    assert minute["RetryPolicy"] == {"MaximumEventAgeInSeconds": 60, "MaximumRetryAttempts": 0}
    invoked = RESOURCES["Loader"]["Properties"]["EventInvokeConfig"]
    assert invoked == {"MaximumEventAgeInSeconds": 60, "MaximumRetryAttempts": 0}
    for schedule in schedules.values():
        assert schedule["ScheduleExpressionTimezone"] == {"Ref": "MarketTimezone"}
        assert schedule["Target"]["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": ["DeadLetters", "Arn"]}}
        event = schedule["Target"]["Input"]
        json.loads(event["Fn::Sub"] if isinstance(event, dict) else event)
    timezone = TEMPLATE["Parameters"]["MarketTimezone"]["Default"]
    assert timezone == "America/New_York"


def test_the_lease_of_a_loader_that_is_stopped_ends_with_its_timeout() -> None:
    class FakeContext:
        def get_remaining_time_in_millis(self) -> int:
            return 54_000

    assert handler.lease_seconds(FakeContext()) == 54
    assert handler.lease_seconds(None) == 900
    assert RESOURCES["Loader"]["Properties"]["Timeout"] < 60


def test_the_loader_has_every_setting_that_it_requires() -> None:
    variables = TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]
    assert variables["TICKERLAKE_SINK"]["Fn::If"][1:] == ["kinesis", "firehose"]
    assert {"kinesis", "firehose"} < set(SINKS)
    read_settings("/nowhere", "firehose", dict.fromkeys(variables, "x"))
    assert variables["TICKERLAKE_STATE_BUCKET"] == {"Ref": "RawBucket"}


def test_the_job_has_every_variable_that_the_aws_target_reads() -> None:
    profile = (PROJECT / "profiles.yml.example").read_text().partition("    aws:\n")[2]
    required = {
        name for name in re.findall(r"env_var\('(TICKERLAKE_\w+)'", profile) if name != "TICKERLAKE_POLL_SECONDS"
    }
    required |= {
        name
        for path in (PROJECT / "macros").rglob("*.sql")
        for name in re.findall(r"env_var\('(TICKERLAKE_\w+)'", path.read_text())
    }
    environment = walk(RESOURCES["Transform"]["Properties"]["Environment"])
    variables = {mapping["Name"] for mapping in environment if "Name" in mapping}
    set_elsewhere = {"TICKERLAKE_LAKE", "TICKERLAKE_MERGE_FROM"}  # for one machine, and by the pipeline
    assert required - set_elsewhere <= variables
    assert "TICKERLAKE_STATE_BUCKET" in variables


def test_every_alarm_has_a_topic_and_names_an_existing_page() -> None:
    alarms = of_type("CloudWatch::Alarm")
    assert {
        "LoaderFails",
        "LoaderThrottled",
        "LoaderNotInvoked",
        "VendorIsStale",
        "DeliveryIsStale",
        "TablesAreStale",
    } < set(alarms)
    for name, alarm in alarms.items():
        assert alarm["AlarmActions"] == [{"Ref": "Alarms"}], name
    pages = set(re.findall(r"docs/[\w/-]+\.md", json.dumps(RESOURCES)))
    assert pages
    assert [page for page in pages if not (PROJECT / page).exists()] == []


def test_the_dashboard_is_json() -> None:
    widgets = json.loads(RESOURCES["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"])["widgets"]
    assert len(widgets) >= 6


def test_the_page_about_aws_has_the_table_of_what_the_emulators_prove() -> None:
    page = (PROJECT / "docs" / "aws.md").read_text()
    for kind, (how, what) in HOW.items():
        assert f"| `{kind.removeprefix('AWS::')}` | {how} | {what} |" in page
    types = {resource["Type"].replace("Serverless::Function", "Lambda::Function") for resource in RESOURCES.values()}
    assert types <= set(HOW), "the emulators' table lacks a type"
