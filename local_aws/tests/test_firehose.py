"""Firehose streams deliver to their bucket."""

import gzip
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local_aws.boto_types import FirehoseClient
from local_aws.firehose import evaluate_prefix
from local_aws.testing import LocalAws

NOW = datetime(2026, 3, 1, 4, 5, tzinfo=UTC)


@pytest.fixture
def firehose(aws: LocalAws) -> FirehoseClient:
    return boto3.client("firehose")


def create_stream(firehose: FirehoseClient, name: str, **options: Any) -> None:
    destination: Any = {"RoleARN": "arn:aws:iam::123456789012:role/x", "BucketARN": "arn:aws:s3:::lake", **options}
    firehose.create_delivery_stream(DeliveryStreamName=name, ExtendedS3DestinationConfiguration=destination)


def objects(prefix: str) -> dict[str, bytes]:
    s3 = boto3.client("s3")
    contents = s3.list_objects_v2(Bucket="lake", Prefix=prefix).get("Contents", [])
    return {item["Key"]: s3.get_object(Bucket="lake", Key=item["Key"])["Body"].read() for item in contents}


def test_a_batch_is_one_object_in_the_folder_of_its_hour(firehose: FirehoseClient) -> None:
    options = {"Prefix": "raw/bars/dt=!{timestamp:yyyy-MM-dd}/hr=!{timestamp:HH}/", "CompressionFormat": "GZIP"}
    create_stream(firehose, "compressed", FileExtension=".ndjson.gz", **options)
    response = firehose.put_record_batch(DeliveryStreamName="compressed", Records=[{"Data": b"a\n"}, {"Data": b"b\n"}])
    assert (response["FailedPutCount"], len(response["RequestResponses"])) == (0, 2)
    ((key, body),) = objects("raw/bars/").items()
    assert key.startswith(f"raw/bars/dt={datetime.now(UTC):%Y-%m-%d}/hr=")
    assert key.endswith(".ndjson.gz")
    assert gzip.decompress(body) == b"a\nb\n"
    firehose.put_record(DeliveryStreamName="compressed", Record={"Data": b"c\n"})
    assert sorted(map(gzip.decompress, objects("raw/bars/").values())) == [b"a\nb\n", b"c\n"]


def test_an_uncompressed_record_is_stored_unchanged(firehose: FirehoseClient) -> None:
    create_stream(firehose, "plain", Prefix="plain/")
    firehose.put_record(DeliveryStreamName="plain", Record={"Data": b"c"})
    assert list(objects("plain/").values()) == [b"c"]


def test_prefixes_are_evaluated_as_in_firehose() -> None:
    assert evaluate_prefix("x/!{timestamp:yyyy}/!{timestamp:MM-dd}/", NOW) == "x/2026/03-01/"
    assert evaluate_prefix("x/", NOW) == "x/2026/03/01/04/"


@pytest.mark.parametrize(
    ("stream", "records", "reason"),
    [
        ("none", [{"Data": b"x"}], "ResourceNotFoundException"),
        ("compressed", [{"Data": b"x"}] * 501, "InvalidArgumentException"),
        ("compressed", [{"Data": b"x" * 1_024_001}], "InvalidArgumentException"),
    ],
)
def test_invalid_requests_are_refused(firehose: FirehoseClient, stream: str, records: list[Any], reason: str) -> None:
    with pytest.raises(ClientError, match=reason):
        firehose.put_record_batch(DeliveryStreamName=stream, Records=records)
