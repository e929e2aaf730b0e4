"""Streams on moto's AWS in this process, and the lines that landed in them.

moto's Kinesis rejects what the service rejects: over 500 records, over 5 MB, a record over 1 MiB, a partition key over
256 characters, a missing stream. It never throttles. moto's Firehose rejects only a missing stream: it limits neither
the number of records nor their size, and writes an object a call, without buffering, compression or the time in the
prefix. `FaultyClient` enforces what moto does not.
"""

from collections.abc import Iterable

import boto3

BUCKET = "tickerlake"


def create_firehose_streams(streams: Iterable[str]) -> None:
    """Create a bucket, and a delivery stream into it for each name."""
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
    """Return the lines below the stream's prefix."""
    client = boto3.client("s3")
    objects = client.list_objects_v2(Bucket=BUCKET, Prefix=f"raw/{stream}/").get("Contents", [])
    bodies = [client.get_object(Bucket=BUCKET, Key=item["Key"])["Body"].read() for item in objects]
    return [line for body in bodies for line in body.splitlines()]


def create_kinesis_streams(streams: Iterable[str]) -> None:
    """Create a stream of two shards for each name."""
    for name in streams:
        boto3.client("kinesis").create_stream(StreamName=name, ShardCount=2)


def kinesis_lines(stream: str) -> list[bytes]:
    """Return the lines, shard by shard, in the order of the sequence numbers."""
    client = boto3.client("kinesis")
    lines: list[bytes] = []
    for shard in client.list_shards(StreamName=stream)["Shards"]:
        iterator = client.get_shard_iterator(
            StreamName=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )
        records = client.get_records(ShardIterator=iterator["ShardIterator"], Limit=10_000)["Records"]
        lines += [line for record in records for line in record["Data"].splitlines()]
    return lines
