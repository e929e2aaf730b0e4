"""The deployment on the local AWS, from its template to its tear-down."""

import gzip
import json
import os
import platform
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

import psycopg
import pytest

from infra.deployment import Deployment
from pipeline.athena_cost import list_statements
from pipeline.dbt import Dbt
from pipeline.job import FOLDER
from serving.api import package
from tests.e2e.local_stack import CREATED, HOW, STOOD_IN, LocalStack, Machines, clients
from tests.loader.vendor_server import ReceivedRequest, VendorServer

pytestmark = pytest.mark.aws
SCHEMA = "tickerlake_e2e"
OPTIONS = {
    "HasCustomerKey",
    "HasKinesis",
    "HasHotPath",
    "HasAlertEmail",
    "HasPublicApi",
}  # conditions that are off
DATABASE = "/tickerlake/e2e/database"
STEPS = ["plan", "build", "publish", "describe", "measure"]


@dataclass
class Deployed:
    """A stack on the local AWS, a vendor of its own, and what runs its functions and jobs."""

    stack: LocalStack
    deployment: Deployment
    machines: Machines
    vendor: VendorServer
    log: list[str]

    def fire(self, schedule: str, *, copies: bool = False, **variables: str) -> Any:
        """Start a schedule's target; a job without its last step, the copy, unless that is asked for."""
        return self.machines.fire(
            f"{self.stack.name}-{schedule}", **({} if copies else {"DATABASE_URL": ""}), **variables
        )

    def call_api(self, path: str, query: str = "") -> Any:
        """Call the API's function with a request, as its URL does."""
        http = {"method": "GET", "path": path, "protocol": "HTTP/1.1", "sourceIp": "203.0.113.1", "userAgent": "test"}
        event = {
            "version": "2.0",
            "rawPath": path,
            "rawQueryString": query,
            "headers": {"host": "api.example"},
            "requestContext": {"http": http, "domainName": "api.example"},
            "isBase64Encoded": False,
        }
        return self.machines.invoke(self.stack.created["ApiFunction"][0], event, {}).result()

    def raw(self, dataset: str) -> list[bytes]:
        """Return the lines that landed."""
        return [
            line for body in self.objects(f"raw/{dataset}/").values() for line in gzip.decompress(body).splitlines()
        ]

    def objects(self, prefix: str, output: str = "RawBucket") -> dict[str, bytes]:
        s3, bucket = self.stack.client("s3"), self.deployment.outputs()[output]
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
        return {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}

    def record(self) -> dict[str, Any]:
        """Return the newest record of a transformation."""
        newest: dict[str, Any] = json.loads(max(self.objects(FOLDER).items())[1])
        return newest

    def steps(self) -> list[tuple[str, str]]:
        return [(step["name"], step["status"]) for step in self.record()["steps"]]

    def query(self, sql: str) -> str:
        return self.deployment.query(sql, self.deployment.outputs()["Workgroup"])

    def content(self) -> tuple[int, str]:
        """Return the number of distinct bars and a checksum of their content."""
        bars = f"(select distinct symbol, source, bar_start_at, open, close, volume from {SCHEMA}_marts.fct_bar \
where bar_interval = '1min')"
        return int(self.query(f"select count(*) from {bars}")), self.query(
            f"select to_hex(checksum((symbol, source, bar_start_at, open, close, volume))) from {bars}"
        )

    def left(self) -> dict[str, list[Any]]:
        """Return what is left of the stack in each service, by the service's own listing."""
        calls: list[tuple[str, str, str]] = [
            ("lambda", "list_functions", "Functions"),
            ("firehose", "list_delivery_streams", "DeliveryStreamNames"),
            ("codebuild", "list_projects", "projects"),
            ("scheduler", "list_schedules", "Schedules"),
            ("sqs", "list_queues", "QueueUrls"),
            ("sns", "list_topics", "Topics"),
            ("events", "list_rules", "Rules"),
            ("logs", "describe_log_groups", "logGroups"),
            ("iam", "list_roles", "Roles"),
            ("cloudwatch", "describe_alarms", "MetricAlarms"),
            ("athena", "list_work_groups", "WorkGroups"),
            ("cloudwatch", "list_dashboards", "DashboardEntries"),
        ]
        resources = {
            service + key: getattr(self.stack.client(service), call)().get(key, []) for service, call, key in calls
        }
        ours = {key: [item for item in some if self.stack.name in str(item)] for key, some in resources.items()}
        return {key: some for key, some in ours.items() if some}

    def shown(self) -> int:
        """Return the number of published bars."""
        return int(self.query(f"select count(*) from {SCHEMA}_published.fct_bar where bar_interval = '1min'"))


def chart(request: ReceivedRequest) -> tuple[int, bytes]:
    """Half an hour of minutes, from 15:00 UTC, of each weekday asked for: within the session in summer and winter."""
    first, until = (datetime.fromtimestamp(int(request.query[name]), UTC) for name in ("period1", "period2"))
    step = timedelta(minutes=1) if request.query["interval"] == "1m" else timedelta(days=1)
    at = first.replace(second=0, microsecond=0) if step < timedelta(days=1) else first.replace(hour=15, minute=0)
    times = []
    while (at := at + step) < until:
        if at.weekday() < 5 and at.hour == 15 and at.minute < 30:
            times.append(int(at.timestamp()))
    price = [100 + (time // 60) % 7 for time in times]
    quote: dict[str, list[Any]] = dict.fromkeys(("open", "high", "low", "close"), price)
    quote["volume"] = [1000 + (time // 60) % 11 for time in times]
    granularity = request.query["interval"]
    meta = {
        "symbol": request.path.rpartition("/")[2],
        "currency": "USD",
        "dataGranularity": granularity,
        "exchangeTimezoneName": "America/New_York",
    }
    result = {"meta": meta, "timestamp": times, "indicators": {"quote": [quote]}}
    return 200, json.dumps({"chart": {"result": [result], "error": None}}).encode()


@pytest.fixture(scope="module")
def deployed(
    local_endpoint: Mapping[str, str], postgres_server: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployed]:
    client = clients(local_endpoint)
    log: list[str] = []
    folder = tmp_path_factory.mktemp("deployment")
    with VendorServer(chart) as vendor:
        plan = Deployment("e2e", client, log.append)
        client("ssm").put_parameter(Name=DATABASE, Type="SecureString", Value=postgres_server)
        bucket, api = plan.artifact_bucket(), folder / "api.zip"
        client("s3").delete_bucket_policy(Bucket=bucket)  # it refuses plain HTTP; the local AWS has nothing else
        package.build(api, "{}.{}".format(*sys.version_info), f"{platform.machine()}-manylinux_2_28")
        parameters = {
            "Schema": SCHEMA,
            "Symbols": "TSLA,NVDA",
            "VendorUrl": vendor.url,
            "AlarmEmail": "somebody@example.com",
            "RawBegins": (datetime.now(UTC) - timedelta(days=3)).date().isoformat(),
            **plan.upload_archives(bucket),
            "DatabaseParameter": DATABASE,
            "Api": "true",
            "ApiKey": plan.upload(bucket, api.read_bytes(), "zip"),
        }
        stack = LocalStack(plan.stack, client, parameters)
        outputs = stack.create()
        extra = {"TICKERLAKE_POLL_SECONDS": "0.05", "TICKERLAKE_DAYS": "5"}
        machines = Machines(client, local_endpoint, folder, extra, parameters["ArtifactBucket"])
        yield Deployed(stack, Deployment("e2e", client, log.append, outputs), machines, vendor, log)


def test_every_resource_is_created_or_its_exception_is_listed(deployed: Deployed) -> None:
    resources = deployed.stack.template["Resources"]
    off = {
        logical: resource["Condition"]
        for logical, resource in resources.items()
        if "Condition" in resource and not deployed.stack.holds(resource["Condition"])
    }
    assert set(off.values()) == OPTIONS
    assert set(deployed.stack.created) == set(resources) - set(off)
    assert {resource["Type"] for resource in resources.values()} == set(HOW)
    types = {resources[logical]["Type"] for logical in deployed.stack.created}
    assert types == {kind for kind, (how, _) in HOW.items() if how in (CREATED, STOOD_IN)}


def test_the_raw_tables_are_those_that_the_project_makes_without_the_template(
    deployed: Deployed, local_endpoint: Mapping[str, str]
) -> None:
    outputs = deployed.deployment.outputs()
    environment = {
        **local_endpoint,
        "TICKERLAKE_SCHEMA": "by_macro",
        "TICKERLAKE_RAW_BUCKET": outputs["RawBucket"],
        "TICKERLAKE_RESULTS_BUCKET": "results",
        "TICKERLAKE_WAREHOUSE_BUCKET": "warehouse",
        "TICKERLAKE_POLL_SECONDS": "0.05",
    }
    begins = f"{{raw_begins: '{deployed.stack.parameters['RawBegins']}'}}"
    with mock.patch.dict(os.environ, environment):
        Dbt("aws", options=["--target-path", "target/by_macro", "--vars", begins]).run_operation(
            "create_raw_table", args="{dataset: bars}"
        )
    glue = deployed.stack.client("glue")
    ours, theirs = (
        glue.get_table(DatabaseName=f"{schema}_raw", Name="bars")["Table"] for schema in (SCHEMA, "by_macro")
    )
    glue.delete_table(DatabaseName="by_macro_raw", Name="bars")
    glue.delete_database(Name="by_macro_raw")
    assert ours["Parameters"].pop("record_fields")
    for table in (ours, theirs):
        table["StorageDescriptor"]["Columns"] = [column["Name"] for column in table["StorageDescriptor"]["Columns"]]
    for name in ("InputFormat", "OutputFormat", "Location", "Columns", "SerdeInfo"):
        assert ours["StorageDescriptor"][name] == theirs["StorageDescriptor"][name], name
    projection = {key: value for key, value in theirs["Parameters"].items() if "projection" in key or "storage" in key}
    assert projection.items() <= ours["Parameters"].items()
    assert [key["Name"] for key in ours["PartitionKeys"]] == ["dt"]


def test_after_an_outage_of_the_vendor_the_next_minute_fetches_what_was_missed(deployed: Deployed) -> None:
    deployed.vendor.respond = lambda _: (503, b"")
    down = deployed.fire("EveryMinute")
    assert deployed.raw("bars") == []
    assert "missed" in down.text, down.text[-2000:]
    deployed.vendor.respond = chart
    up = deployed.fire("EveryMinute")
    assert up.exit_code == 0, up.text[-2000:]
    lines = [json.loads(line) for line in deployed.raw("bars")]
    assert {line["symbol"] for line in lines} == {"TSLA", "NVDA"}
    assert len(lines) >= 60
    (key, *_) = deployed.objects("raw/bars/")
    assert key.startswith(f"raw/bars/dt={datetime.now(UTC):%Y-%m-%d}/hr=")
    assert key.endswith(".ndjson.gz")
    assert len(deployed.raw("loader_runs")) == 2


def test_the_first_night_publishes_what_landed(deployed: Deployed) -> None:
    night = deployed.fire("Nightly", copies=True)
    assert night.exit_code == 0, night.text[-4000:]
    assert deployed.steps() == [(step, "done") for step in [*STEPS, "copy"]]
    bars = {(line["symbol"], line["bar_start"]) for line in map(json.loads, deployed.raw("bars"))}
    assert deployed.shown() == len(bars)
    assert deployed.record()["measured"]["quarantined_pct"] == 0
    metrics = deployed.stack.client("cloudwatch").list_metrics(Namespace="tickerlake")["Metrics"]
    assert {metric["MetricName"] for metric in metrics} >= {"quarantined_pct", "job_seconds"}
    described = deployed.stack.client("glue").get_table(DatabaseName=f"{SCHEMA}_published", Name="fct_bar")["Table"]
    comments = {column["Name"]: column.get("Comment", "") for column in described["StorageDescriptor"]["Columns"]}
    # Trino enters one column, called dummy, where Athena enters the view's own
    assert [name for name, text in comments.items() if name != "dummy" and not text] == []
    # no table lies where query results expire
    tables = deployed.objects("athena/tables/", "ResultsBucket")
    assert list(tables) == []


def test_postgresql_holds_the_release_and_the_api_serves_it(deployed: Deployed, postgres_server: str) -> None:
    with psycopg.connect(postgres_server) as connection:
        counted = connection.execute("select count(*) from api.fct_bar where bar_interval = '1min'").fetchone()
    assert counted == (deployed.shown(),)
    page = deployed.call_api("/v1/bars", "symbol=TSLA&interval=1min&limit=5")
    assert page["statusCode"] == 200, page
    bars = json.loads(page["body"])
    assert (bars["count"], set(bars["columns"]["symbol"])) == (5, {"TSLA"})
    health = json.loads(deployed.call_api("/v1/health")["body"])
    assert (health["status"], health["release"]) == ("ok", bars["release"])
    assert "<!doctype html>" in deployed.call_api("/")["body"].lower()
    assert deployed.deployment.outputs()["Api"].startswith("https://")


def test_a_failed_plan_stops_the_run_and_publishes_nothing(deployed: Deployed) -> None:
    before = deployed.shown()
    failed = deployed.fire("Intraday", TICKERLAKE_WORKGROUP="no-such-workgroup")
    assert failed.exit_code != 0
    assert deployed.steps() == [("plan", "failed")]
    assert deployed.shown() == before


def test_a_failed_publish_leaves_the_release_unchanged(deployed: Deployed) -> None:
    before, landed = deployed.shown(), len(deployed.raw("bars"))
    deployed.fire("EveryMinute", TICKERLAKE_SYMBOLS="AAPL")
    assert len(deployed.raw("bars")) > landed
    failed = deployed.fire("Intraday", TICKERLAKE_PUBLISHED_SCHEMA="no`such")
    assert failed.exit_code != 0
    assert deployed.steps() == [("plan", "done"), ("build", "done"), ("publish", "failed")]
    assert deployed.shown() == before
    client, workgroup = deployed.stack.client("athena"), deployed.deployment.outputs()["Workgroup"]
    queries = [statement["Query"] for statement in list_statements(client, set(), workgroup)]
    since_the_release = [sql for sql in queries if "rows_found" in sql and "bar_date < date '" in sql]
    assert len(since_the_release) == 6  # two of fct_bar, one of each window mart


def test_a_failing_test_prevents_publishing(deployed: Deployed) -> None:
    """Bars that a failed publish held back are tested again, together with a duplicate key."""
    before = deployed.shown()
    deployed.query(
        f"insert into {SCHEMA}_marts.fct_bar select * from {SCHEMA}_marts.fct_bar "
        "where symbol = 'TSLA' and bar_interval = '1min' order by bar_start_at limit 1"
    )
    failed = deployed.fire("Intraday")
    assert failed.exit_code != 0
    assert deployed.steps() == [("plan", "done"), ("build", "failed")]
    assert "unique" in deployed.record()["steps"][-1]["problem"]
    assert deployed.shown() == before


def test_everything_is_restored_from_raw_and_maintained(deployed: Deployed) -> None:
    """docs/runbooks/restore-from-raw.md: databases dropped, the warehouse emptied, all built again, rows equal."""
    before = deployed.content()
    glue, outputs = deployed.stack.client("glue"), deployed.deployment.outputs()
    for database in list(deployed.deployment.databases(SCHEMA)):
        glue.delete_database(Name=database)
    deployed.deployment.empty(outputs["WarehouseBucket"])
    week = deployed.fire("Weekly")
    assert week.exit_code == 0, week.text[-4000:]
    assert deployed.steps() == [(step, "done") for step in [*STEPS[:-1], "maintain", "measure"]]
    assert "fct_bar: files" in week.text
    assert deployed.content() == before
    assert deployed.shown() == before[0]


def test_the_deployment_is_verified(deployed: Deployed) -> None:
    deployed.log.clear()
    assert deployed.deployment.verify(timedelta(seconds=20))
    assert [line.partition(":")[0] for line in deployed.log] == [
        "vendor's key",
        "a line through the stream to Athena",
        "alarm subscribers",
    ]
    sns = deployed.stack.client("sns")
    sns.unsubscribe(SubscriptionArn=deployed.stack.created["AlarmsByMail"][0])
    assert not deployed.deployment.verify(timedelta(seconds=20))
    assert "none confirmed" in deployed.log[-1]
    assert list(deployed.deployment.summary(datetime.now(UTC) - timedelta(minutes=5)))[-1].startswith("  Athena: ")


def test_a_back_fill_lands_where_the_functions_do(deployed: Deployed) -> None:
    environment = deployed.deployment.loader_environment()
    assert environment["TICKERLAKE_SINK"] == "firehose"
    assert set(environment) > {f"TICKERLAKE_STREAM_{name}" for name in ("BARS", "DAILY_BARS", "CORPORATE_ACTIONS")}
    streams = deployed.stack.client("firehose").list_delivery_streams()["DeliveryStreamNames"]
    assert {value for name, value in environment.items() if "STREAM" in name} == set(streams)


def test_removal_is_a_dry_run_first_and_then_leaves_nothing(deployed: Deployed) -> None:
    outputs, glue = deployed.deployment.outputs(), deployed.stack.client("glue")
    deployed.log.clear()
    deployed.deployment.remove(should_delete_data=True, is_dry_run=True)
    assert all(line.startswith("would") for line in deployed.log)
    assert deployed.raw("bars")
    deployed.deployment.remove(should_delete_data=True, is_dry_run=False, delete_stack=deployed.stack.delete)
    buckets = {bucket["Name"] for bucket in deployed.stack.client("s3").list_buckets()["Buckets"]}
    assert not {outputs[name] for name in ("RawBucket", "WarehouseBucket", "ResultsBucket")} & buckets
    assert [database for database in glue.get_databases()["DatabaseList"] if database["Name"].startswith(SCHEMA)] == []
    assert deployed.left() == {}
