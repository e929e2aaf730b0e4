"""The hot path of the template on the local AWS: its stream, its packaged function, its tables, its topic."""

import base64
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from infra.archives import loader_archive
from infra.deployment import Deployment
from testkit.lake import bar
from tests.e2e.local_stack import AS_OPTION, HOW, LocalStack, Machines, clients

pytestmark = pytest.mark.aws
CONDITIONS = ("HasHotPath", "HasAlertEmail")


@pytest.fixture
def stack(local_endpoint: Mapping[str, str]) -> Iterator[LocalStack]:
    client = clients(local_endpoint)
    plan = Deployment("hot", client, print)
    bucket = plan.artifact_bucket()
    client("s3").delete_bucket_policy(Bucket=bucket)  # it refuses plain HTTP; the local AWS has nothing else
    parameters = {
        "Schema": "tickerlake_hot",
        "HotPath": "true",
        "KinesisShards": "1",
        "AlertEmail": "somebody@example.com",
        "ArtifactBucket": bucket,
        "LoaderKey": plan.upload(bucket, loader_archive(), "zip"),
    }
    stack = LocalStack(plan.stack, client, parameters)
    for logical, resource in stack.template["Resources"].items():
        if resource.get("Condition") in CONDITIONS:
            stack.make(logical)
    yield stack
    stack.delete()


def records(stack: LocalStack) -> list[dict[str, Any]]:
    """Return all records of the stream of bars, as Lambda receives them."""
    kinesis, name = stack.client("kinesis"), stack.created["BarsKinesisStream"][0]
    (shard,) = kinesis.list_shards(StreamName=name)["Shards"]
    iterator = kinesis.get_shard_iterator(StreamName=name, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")[
        "ShardIterator"
    ]
    return [
        {"kinesis": {"sequenceNumber": record["SequenceNumber"], "data": base64.b64encode(record["Data"]).decode()}}
        for record in kinesis.get_records(ShardIterator=iterator)["Records"]
    ]


def test_bars_of_the_stream_are_kept_and_their_signal_is_published_once(
    stack: LocalStack, local_endpoint: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    kinds = {stack.template["Resources"][logical]["Type"] for logical in stack.created}
    assert {kind for kind, (how, _) in HOW.items() if how == AS_OPTION} <= kinds
    sns, sqs = stack.client("sns"), stack.client("sqs")
    queue = sqs.create_queue(QueueName="received")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=stack.created["Signals"][0], Protocol="sqs", Endpoint=arn)
    now = datetime.now(UTC).replace(second=0, microsecond=0)  # old bars alert nobody
    for at in range(5):
        minute = now - timedelta(minutes=9 - at)
        line = bar(
            minute=f"{minute:%Y-%m-%dT%H:%M:%SZ}",
            close="110" if at == 4 else "100",
            line_number=at + 1,
            received_at=f"{now:%Y-%m-%dT%H:%M:%S}.000Z",
        )
        stack.client("kinesis").put_record(
            StreamName=stack.created["BarsKinesisStream"][0], Data=json.dumps(line).encode(), PartitionKey="TSLA"
        )
    machines = Machines(
        stack.client, local_endpoint, tmp_path_factory.mktemp("hot"), bucket=stack.parameters["ArtifactBucket"]
    )
    for _ in range(2):  # Kinesis may deliver again
        done = machines.invoke(stack.created["HotPathFunction"][0], {"Records": records(stack)}, {})
        assert done.result() == {"batchItemFailures": []}
    dynamodb = stack.client("dynamodb")
    assert dynamodb.scan(TableName=stack.created["HotBars"][0])["Count"] == 5
    (alert,) = dynamodb.scan(TableName=stack.created["HotAlerts"][0])["Items"]
    assert alert["signal_type"]["S"] == "anomaly"
    messages = [
        json.loads(message["Body"])
        for message in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
    ]
    assert len(messages) == 1
    sqs.delete_queue(QueueUrl=queue)
