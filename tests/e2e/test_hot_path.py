"""The hot path of the template on the local AWS: its stream, its packaged function, its tables, its topic."""

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from infra.deployment import Deployment, loader_archive
from testkit.lake import bar
from tests.e2e.local_stack import AS_OPTION, HOW, LocalStack, Machines, clients

pytestmark = pytest.mark.aws
CONDITIONS = ("HasHotPath", "HasAlertEmail")


@pytest.fixture
def stack(local_endpoint: Mapping[str, str]) -> Iterator[LocalStack]:
    client = clients(local_endpoint)
    plan = Deployment("hot", client, print)
    bucket = plan.artifact_bucket()
    parameters = {
        "Schema": "tickerlake_hot",
        "HotPath": "true",
        "KinesisShards": "1",
        "AlertEmail": "somebody@example.com",
        "ArtifactBucket": bucket,
        "LoaderKey": plan.upload(bucket, loader_archive(), "zip"),
    }
    made = LocalStack(plan.stack, client, parameters)
    for logical, resource in made.template["Resources"].items():
        if resource.get("Condition") in CONDITIONS:
            made.make(logical)
    yield made
    made.delete()


def records(stack: LocalStack) -> list[dict[str, Any]]:
    """All that the stream of bars holds, as Lambda is given it."""
    kinesis, name = stack.client("kinesis"), stack.made["BarsKinesisStream"][0]
    (shard,) = kinesis.list_shards(StreamName=name)["Shards"]
    iterator = kinesis.get_shard_iterator(StreamName=name, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")[
        "ShardIterator"
    ]
    return [
        {"kinesis": {"sequenceNumber": one["SequenceNumber"], "data": base64.b64encode(one["Data"]).decode()}}
        for one in kinesis.get_records(ShardIterator=iterator)["Records"]
    ]


def test_bars_of_the_stream_are_kept_and_their_signal_is_told_once(
    stack: LocalStack, local_endpoint: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    kinds = {stack.template["Resources"][logical]["Type"] for logical in stack.made}
    assert {kind for kind, (how, _) in HOW.items() if how == AS_OPTION} <= kinds
    sns, sqs = stack.client("sns"), stack.client("sqs")
    queue = sqs.create_queue(QueueName="heard")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=stack.made["Signals"][0], Protocol="sqs", Endpoint=arn)
    for at in range(5):
        line = bar(minute=f"2026-03-02T15:{at:02d}:00Z", close="110" if at == 4 else "100", line_number=at + 1)
        stack.client("kinesis").put_record(
            StreamName=stack.made["BarsKinesisStream"][0], Data=json.dumps(line).encode(), PartitionKey="TSLA"
        )
    machines = Machines(
        stack.client, local_endpoint, tmp_path_factory.mktemp("hot"), bucket=stack.parameters["ArtifactBucket"]
    )
    for _ in range(2):  # Kinesis may deliver again
        done = machines.invoke(stack.made["HotPathFunction"][0], {"Records": records(stack)}, {})
        assert done.answer() == {"batchItemFailures": []}
    dynamodb = stack.client("dynamodb")
    assert dynamodb.scan(TableName=stack.made["HotBars"][0])["Count"] == 5
    (alert,) = dynamodb.scan(TableName=stack.made["HotAlerts"][0])["Items"]
    assert alert["signal_type"]["S"] == "anomaly"
    heard = [
        json.loads(message["Body"])
        for message in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
    ]
    assert len(heard) == 1
    sqs.delete_queue(QueueUrl=queue)
