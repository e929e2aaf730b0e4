"""AWS played by moto in this process, and what landed in its streams.

moto's Kinesis refuses what the service refuses: over 500 records, over 5 MB, a record over 1 MiB, a partition key over
256 characters, a stream that does not exist. It knows no throughput: nothing is throttled. moto's Firehose refuses only
a stream that does not exist: neither the number of records nor their size; it writes an object a call, without
buffering, compression or the time in the prefix. `FaultyClient` enforces what moto does not.
"""

from collections.abc import Iterable

import boto3

BUCKET = "tickerlake"


def make_firehose(streams: Iterable[str]) -> None:
    """Make a bucket, and a delivery stream into it for each name."""
    boto3.client("s3").create_bucket(Bucket=BUCKET)
    for name in streams:
        boto3.client("firehose").create_delivery_stream(
            DeliveryStreamName=name,
            ExtendedS3DestinationConfiguration={
                "RoleARN": "arn:aws:iam::123456789012:role/firehose",
                "BucketARN": f"arn:aws:s3:::{BUCKET}",
                "Prefix": f"raw/{name}/",
            },
        )


def firehose_lines(stream: str) -> list[bytes]:
    """What landed below the stream's prefix."""
    client = boto3.client("s3")
    found = client.list_objects_v2(Bucket=BUCKET, Prefix=f"raw/{stream}/").get("Contents", [])
    bodies = [client.get_object(Bucket=BUCKET, Key=item["Key"])["Body"].read() for item in found]
    return [line for body in bodies for line in body.splitlines()]


def make_kinesis(streams: Iterable[str]) -> None:
    """Make a stream of two shards for each name."""
    for name in streams:
        boto3.client("kinesis").create_stream(StreamName=name, ShardCount=2)


def kinesis_lines(stream: str) -> list[bytes]:
    """What landed, shard by shard, in the order of the sequence numbers."""
    client = boto3.client("kinesis")
    lines: list[bytes] = []
    for shard in client.list_shards(StreamName=stream)["Shards"]:
        iterator = client.get_shard_iterator(
            StreamName=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )
        records = client.get_records(ShardIterator=iterator["ShardIterator"], Limit=10_000)["Records"]
        lines += [line for record in records for line in record["Data"].splitlines()]
    return lines
