"""The deployment on the local AWS, from its template to its tear-down."""

import gzip
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

import boto3
import pytest

from infra.deployment import Deployment
from pipeline.dbt import Dbt
from pipeline.job import FOLDER
from tests.e2e.local_stack import CREATED, HOW, LINTED, STOOD_IN, LocalStack, Machines
from tests.loader.vendor import Asked, Vendor

pytestmark = pytest.mark.aws
SCHEMA = "tickerlake_e2e"
STEPS = ["plan", "build", "publish", "measure"]


@dataclass
class Deployed:
    """A stack on the local AWS, a vendor of its own, and what runs its functions and jobs."""

    stack: LocalStack
    deployment: Deployment
    machines: Machines
    vendor: Vendor
    said: list[str]

    def fire(self, schedule: str, **variables: str) -> Any:
        return self.machines.fire(f"{self.stack.name}-{schedule}", **variables)

    def raw(self, dataset: str) -> list[bytes]:
        """The lines that landed."""
        return [
            line for body in self.objects(f"raw/{dataset}/").values() for line in gzip.decompress(body).splitlines()
        ]

    def objects(self, prefix: str, output: str = "RawBucket") -> dict[str, bytes]:
        s3, bucket = self.stack.client("s3"), self.deployment.outputs()[output]
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
        return {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}

    def record(self) -> dict[str, Any]:
        """The newest record of a transformation."""
        newest: dict[str, Any] = json.loads(max(self.objects(FOLDER).items())[1])
        return newest

    def steps(self) -> list[tuple[str, str]]:
        return [(step["name"], step["status"]) for step in self.record()["steps"]]

    def ask(self, sql: str) -> str:
        return self.deployment.query(sql, self.deployment.outputs()["Workgroup"])

    def shown(self) -> int:
        """The bars that readers see."""
        return int(self.ask(f"select count(*) from {SCHEMA}_published.fct_bar where bar_interval = '1min'"))


def chart(asked: Asked) -> tuple[int, bytes]:
    """Half an hour of minutes, from 15:00 UTC, of each weekday asked for: within the session in summer and winter."""
    first, until = (datetime.fromtimestamp(int(asked.query[name]), UTC) for name in ("period1", "period2"))
    step = timedelta(minutes=1) if asked.query["interval"] == "1m" else timedelta(days=1)
    at = first.replace(second=0, microsecond=0) if step < timedelta(days=1) else first.replace(hour=15, minute=0)
    times = []
    while (at := at + step) < until:
        if at.weekday() < 5 and at.hour == 15 and at.minute < 30:
            times.append(int(at.timestamp()))
    price = [100 + (one // 60) % 7 for one in times]
    quote: dict[str, list[Any]] = dict.fromkeys(("open", "high", "low", "close"), price)
    quote["volume"] = [1000 + (one // 60) % 11 for one in times]
    granularity = asked.query["interval"]
    meta = {"symbol": asked.path.rpartition("/")[2], "currency": "USD", "dataGranularity": granularity,
            "exchangeTimezoneName": "America/New_York"}  # fmt: skip
    result = {"meta": meta, "timestamp": times, "indicators": {"quote": [quote]}}
    return 200, json.dumps({"chart": {"result": [result], "error": None}}).encode()


@pytest.fixture(scope="module")
def deployed(local_endpoint: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    def client(service: str) -> Any:
        return boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=local_endpoint["AWS_ENDPOINT_URL"], region_name=local_endpoint["AWS_REGION"],
            aws_access_key_id="local", aws_secret_access_key="local",
        )  # fmt: skip

    said: list[str] = []
    folder = tmp_path_factory.mktemp("deployment")
    with Vendor(chart) as vendor:
        plan = Deployment("e2e", client, said.append)
        parameters = {
            "Schema": SCHEMA, "Symbols": "TSLA,NVDA", "VendorUrl": vendor.url, "AlarmEmail": "somebody@example.com",
            "RawBegins": (datetime.now(UTC) - timedelta(days=3)).date().isoformat(),
            **plan.archives(plan.artifact_bucket()),
        }  # fmt: skip
        stack = LocalStack(plan.stack, client, parameters)
        outputs = stack.create()
        extra = {"TICKERLAKE_POLL_SECONDS": "0.05", "TICKERLAKE_DAYS": "5"}
        machines = Machines(client, local_endpoint, folder, extra, parameters["ArtifactBucket"])
        yield Deployed(stack, Deployment("e2e", client, said.append, outputs), machines, vendor, said)


def test_every_resource_is_made_or_it_is_said_why_not(deployed: Deployed) -> None:
    resources = deployed.stack.template["Resources"]
    assert {one["Type"] for one in resources.values()} == set(HOW)
    for logical, one in resources.items():
        assert (logical in deployed.stack.made) == (HOW[one["Type"]][0] in (CREATED, STOOD_IN)), logical
    assert [kind for kind, (how, _) in HOW.items() if how == LINTED] == ["AWS::KMS::Key", "AWS::Kinesis::Stream"]


def test_the_raw_tables_are_those_that_the_project_makes_without_the_template(
    deployed: Deployed, local_endpoint: Mapping[str, str]
) -> None:
    outputs = deployed.deployment.outputs()
    environment = {
        **local_endpoint, "TICKERLAKE_SCHEMA": "by_macro", "TICKERLAKE_RAW_BUCKET": outputs["RawBucket"],
        "TICKERLAKE_RESULTS_BUCKET": "results", "TICKERLAKE_WAREHOUSE_BUCKET": "warehouse",
        "TICKERLAKE_POLL_SECONDS": "0.05",
    }  # fmt: skip
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
    for one in (ours, theirs):
        one["StorageDescriptor"]["Columns"] = [column["Name"] for column in one["StorageDescriptor"]["Columns"]]
    for name in ("InputFormat", "OutputFormat", "Location", "Columns", "SerdeInfo"):
        assert ours["StorageDescriptor"][name] == theirs["StorageDescriptor"][name], name
    projection = {key: value for key, value in theirs["Parameters"].items() if "projection" in key or "storage" in key}
    assert projection.items() <= ours["Parameters"].items()
    assert [key["Name"] for key in ours["PartitionKeys"]] == ["dt"]


def test_a_vendor_that_is_down_lands_nothing_and_the_next_minute_makes_up_for_it(deployed: Deployed) -> None:
    deployed.vendor.answer = lambda _: (503, b"")
    down = deployed.fire("EveryMinute")
    assert deployed.raw("bars") == []
    assert "missed" in down.text, down.text[-2000:]
    deployed.vendor.answer = chart
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
    night = deployed.fire("Nightly")
    assert night.exit_code == 0, night.text[-4000:]
    assert deployed.steps() == [(step, "done") for step in STEPS]
    bars = {(line["symbol"], line["bar_start"]) for line in map(json.loads, deployed.raw("bars"))}
    assert deployed.shown() == len(bars)
    assert deployed.record()["measured"]["quarantined_pct"] == 0
    metrics = deployed.stack.client("cloudwatch").list_metrics(Namespace="tickerlake")["Metrics"]
    assert {one["MetricName"] for one in metrics} >= {"quarantined_pct", "job_seconds"}
    # no table lies where query results expire
    tables = deployed.objects("athena/tables/", "ResultsBucket")
    assert list(tables) == []
