"""What the template must hold beyond what linters know: drift, privileges, storage, schedules."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from infra import raw_zone
from infra.template import load
from loader import handler
from loader.settings import DATASETS, SINKS, read_settings
from tickerlake.lake import PROJECT

TEMPLATE = load()
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]
NOT_STAGED = {"vendor_label", "payload_sha256"}
"""Fields of the contract that the warehouse does not read: they lead from a line back to the vendor's answer."""
MAY_NAME_EVERYTHING = {
    "NeedsAllActionsToDenyPlainHttp": "a refusal must name every action",
    "NeedsAllResourcesForMetrics": "PutMetricData knows no resources; bounded by its namespace",
    "AccountAdministersItsKey": "a key policy names its own key as *",
    "ServicesOfThisAccountUseIt": "as AccountAdministersItsKey; bounded to this account",
}


def of_type(kind: str) -> dict[str, dict[str, Any]]:
    found = {name: one["Properties"] for name, one in RESOURCES.items() if one["Type"] == f"AWS::{kind}"}
    assert found
    return found


def walk(value: Any) -> Iterator[dict[str, Any]]:
    """Every mapping in a value, itself included."""
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from walk(inner)


def statements() -> list[dict[str, Any]]:
    return [one for one in walk(RESOURCES) if "Effect" in one]


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_the_generated_part_is_what_the_record_contract_gives() -> None:
    text = raw_zone.TEMPLATE.read_text()
    assert raw_zone.filled(text) == text, "run `make template`"


@pytest.mark.parametrize("dataset", [name for name in DATASETS if name != "loader_runs"])
def test_contract_template_and_staging_name_the_same_fields(dataset: str) -> None:
    fields = raw_zone.record_fields()[dataset]
    staging = (PROJECT / "models/staging/market" / f"stg_market__{dataset.removesuffix('s')}.sql").read_text()
    called = re.search(r"parsed_lines\('(\w+)', \[(.*?)\]", staging, re.DOTALL)
    assert called is not None
    assert called[1] == dataset
    assert set(re.findall(r"'(\w+)'", called[2])) == set(fields) - NOT_STAGED
    (table,) = [one for one in tables() if one["Name"] == dataset]
    assert table["Parameters"]["record_fields"].split() == fields
    sources = yaml.safe_load((PROJECT / "models/staging/market/_sources.yml").read_text())["sources"]
    (source,) = [one for one in sources[0]["tables"] if one["name"] == dataset]
    columns = [one["Name"] for one in table["StorageDescriptor"]["Columns"] + table["PartitionKeys"]]
    assert [one["name"] for one in source["columns"]] == columns


def tables() -> list[dict[str, Any]]:
    return [one["TableInput"] for one in of_type("Glue::Table").values()]


def test_the_raw_zone_begins_where_the_project_says() -> None:
    project = yaml.safe_load((PROJECT / "dbt_project.yml").read_text())
    assert TEMPLATE["Parameters"]["RawBegins"]["Default"] == project["vars"]["raw_begins"]


def test_each_dataset_has_a_stream_whose_objects_lie_where_its_table_looks() -> None:
    streams = {
        one["ExtendedS3DestinationConfiguration"]["Prefix"].split("/")[1]: one["ExtendedS3DestinationConfiguration"]
        for one in of_type("KinesisFirehose::DeliveryStream").values()
    }
    assert streams.keys() == set(DATASETS) == {one["Name"] for one in tables()}
    for table in tables():
        stream, dataset = streams[table["Name"]], table["Name"]
        assert stream["Prefix"] == f"raw/{dataset}/dt=!{{timestamp:yyyy-MM-dd}}/hr=!{{timestamp:HH}}/"
        assert (stream["CompressionFormat"], stream["FileExtension"]) == ("GZIP", ".ndjson.gz")
        assert not stream["ErrorOutputPrefix"].startswith("raw/")
        template = table["Parameters"]["storage.location.template"]["Fn::Sub"]
        assert template == f"s3://${{RawBucket}}/raw/{dataset}/dt=${{!dt}}/"
        assert table["StorageDescriptor"]["Location"]["Fn::Sub"] == f"s3://${{RawBucket}}/raw/{dataset}/"


def test_nothing_has_a_fixed_name() -> None:
    named = re.compile(r"(Bucket|Function|Role|Policy|Topic|Queue|Stream|DeliveryStream|LogGroup|Alarm|Dashboard)Name")
    own = {"PolicyName"}  # an inline policy's name is its role's affair
    for name, one in RESOURCES.items():
        for key, value in one["Properties"].items():
            if (key == "Name" or named.fullmatch(key)) and key not in own:
                assert isinstance(value, dict), f"{name}.{key} is fixed: {value}"


def test_no_permission_names_every_action_or_every_resource_but_those_with_a_reason() -> None:
    assert len(statements()) > 20
    for one in statements():
        is_excused = one.get("Sid") in MAY_NAME_EVERYTHING
        wide = [action for action in as_list(one["Action"]) if "*" in action]
        assert not wide or (is_excused and one["Effect"] == "Deny"), one
        assert "*" not in as_list(one.get("Resource", [])) or is_excused, one
        if one["Effect"] == "Allow" and "Principal" in one:
            assert one["Principal"] != "*", one
    used = {one.get("Sid") for one in statements()}
    assert set(MAY_NAME_EVERYTHING) <= used, "an exception that nothing needs"


def test_each_function_and_job_has_a_role_of_its_own() -> None:
    roles = [one["Role"]["Fn::GetAtt"][0] for one in of_type("Serverless::Function").values()]
    roles += [one["ServiceRole"]["Fn::GetAtt"][0] for one in of_type("CodeBuild::Project").values()]
    assert len(set(roles)) == len(roles) == 5


def test_every_bucket_is_private_encrypted_versioned_and_closed_to_plain_http() -> None:
    buckets = of_type("S3::Bucket")
    assert len(buckets) == 3
    denied = {
        one["Bucket"]["Ref"]: one["PolicyDocument"]["Statement"][0] for one in of_type("S3::BucketPolicy").values()
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


def test_raw_never_expires_and_stays_readable_at_once_and_results_expire() -> None:
    def rules(bucket: str) -> Any:
        return RESOURCES[bucket]["Properties"]["LifecycleConfiguration"]["Rules"]

    for bucket in ("RawBucket", "WarehouseBucket"):
        assert not [rule for rule in rules(bucket) if "ExpirationInDays" in rule]
        assert RESOURCES[bucket]["DeletionPolicy"] == "Retain"
    moves = [move["StorageClass"] for rule in rules("RawBucket") for move in rule.get("Transitions", [])]
    assert moves
    assert set(moves) <= {"STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR"}
    assert [rule["ExpirationInDays"] for rule in rules("ResultsBucket")] == [14]


def test_a_missed_minute_is_not_made_up_and_goes_to_the_dead_letters() -> None:
    schedules = of_type("Scheduler::Schedule")
    minute = schedules["EveryMinute"]["Target"]
    assert minute["RetryPolicy"] == {"MaximumEventAgeInSeconds": 60, "MaximumRetryAttempts": 0}
    invoked = RESOURCES["Loader"]["Properties"]["EventInvokeConfig"]
    assert invoked == {"MaximumEventAgeInSeconds": 60, "MaximumRetryAttempts": 0}
    for one in schedules.values():
        assert one["ScheduleExpressionTimezone"] == {"Ref": "MarketTimezone"}
        assert one["Target"]["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": ["DeadLetters", "Arn"]}}
        starts = one["Target"]["Input"]
        json.loads(starts["Fn::Sub"] if isinstance(starts, dict) else starts)
    timezone = TEMPLATE["Parameters"]["MarketTimezone"]["Default"]
    assert timezone == "America/New_York"


def test_a_loader_that_is_cut_off_blocks_the_next_minutes_no_longer_than_it_could_have_run() -> None:
    class Context:
        def get_remaining_time_in_millis(self) -> int:
            return 54_000

    assert handler.lease_seconds(Context()) == 54
    assert handler.lease_seconds(None) == 900
    assert RESOURCES["Loader"]["Properties"]["Timeout"] < 60


def test_the_loader_gets_every_setting_that_it_refuses_to_start_without() -> None:
    given = TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]
    assert given["TICKERLAKE_SINK"]["Fn::If"][1:] == ["kinesis", "firehose"]
    assert {"kinesis", "firehose"} < set(SINKS)
    read_settings("/nowhere", "firehose", dict.fromkeys(given, "x"))
    assert given["TICKERLAKE_STATE_BUCKET"] == {"Ref": "RawBucket"}


def test_the_job_gets_every_variable_that_the_aws_target_reads() -> None:
    profile = (PROJECT / "profiles.yml.example").read_text().partition("    aws:\n")[2]
    wanted = {name for name in re.findall(r"env_var\('(TICKERLAKE_\w+)'", profile) if name != "TICKERLAKE_POLL_SECONDS"}
    wanted |= {
        name
        for path in (PROJECT / "macros").rglob("*.sql")
        for name in re.findall(r"env_var\('(TICKERLAKE_\w+)'", path.read_text())
    }
    given = {one["Name"] for one in walk(RESOURCES["Transform"]["Properties"]["Environment"]) if "Name" in one}
    elsewhere = {"TICKERLAKE_LAKE", "TICKERLAKE_MERGE_FROM"}  # one machine's, and the pipeline's own
    assert wanted - elsewhere <= given
    assert "TICKERLAKE_STATE_BUCKET" in given


def test_every_alarm_is_heard_and_names_a_page_that_is_there() -> None:
    alarms = of_type("CloudWatch::Alarm")
    assert {
        "LoaderFails",
        "LoaderThrottled",
        "LoaderIsSilent",
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


def test_the_page_about_aws_holds_the_table_of_what_the_emulators_prove() -> None:
    from tests.e2e.local_stack import HOW

    page = (PROJECT / "docs" / "aws.md").read_text()
    for kind, (how, what) in HOW.items():
        assert f"| `{kind.removeprefix('AWS::')}` | {how} | {what} |" in page
    types = {one["Type"].replace("Serverless::Function", "Lambda::Function") for one in RESOURCES.values()}
    assert types <= set(HOW), "the emulators' table lacks a type"
