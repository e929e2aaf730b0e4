"""Streams that deliver to their bucket."""

import gzip
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local_aws.firehose import prefix
from local_aws.testing import LocalAws

NOW = datetime(2026, 3, 1, 4, 5, tzinfo=UTC)


@pytest.fixture
def firehose(running: LocalAws) -> Any:
    return boto3.client("firehose")


def make(firehose: Any, name: str, **options: Any) -> None:
    target = {"RoleARN": "arn:aws:iam::123456789012:role/x", "BucketARN": "arn:aws:s3:::lake", **options}
    firehose.create_delivery_stream(DeliveryStreamName=name, ExtendedS3DestinationConfiguration=target)


def landed(below: str) -> dict[str, bytes]:
    s3 = boto3.client("s3")
    found = s3.list_objects_v2(Bucket="lake", Prefix=below).get("Contents", [])
    return {item["Key"]: s3.get_object(Bucket="lake", Key=item["Key"])["Body"].read() for item in found}


def test_a_batch_is_one_object_below_its_hour(firehose: Any) -> None:
    extended = {"Prefix": "raw/bars/dt=!{timestamp:yyyy-MM-dd}/hr=!{timestamp:HH}/", "CompressionFormat": "GZIP"}
    make(firehose, "packed", FileExtension=".ndjson.gz", **extended)
    answer = firehose.put_record_batch(DeliveryStreamName="packed", Records=[{"Data": b"a\n"}, {"Data": b"b\n"}])
    assert (answer["FailedPutCount"], len(answer["RequestResponses"])) == (0, 2)
    ((key, body),) = landed("raw/bars/").items()
    assert key.startswith(f"raw/bars/dt={datetime.now(UTC):%Y-%m-%d}/hr=")
    assert key.endswith(".ndjson.gz")
    assert gzip.decompress(body) == b"a\nb\n"
    firehose.put_record(DeliveryStreamName="packed", Record={"Data": b"c\n"})
    assert sorted(map(gzip.decompress, landed("raw/bars/").values())) == [b"a\nb\n", b"c\n"]


def test_what_is_not_packed_lands_as_it_came(firehose: Any) -> None:
    make(firehose, "plain", Prefix="plain/")
    firehose.put_record(DeliveryStreamName="plain", Record={"Data": b"c"})
    assert list(landed("plain/").values()) == [b"c"]


def test_prefixes_are_evaluated_as_the_service_does() -> None:
    assert prefix("x/!{timestamp:yyyy}/!{timestamp:MM-dd}/", NOW) == "x/2026/03-01/"
    assert prefix("x/", NOW) == "x/2026/03/01/04/"


@pytest.mark.parametrize(
    ("stream", "records", "reason"),
    [
        ("none", [{"Data": b"x"}], "ResourceNotFoundException"),
        ("packed", [{"Data": b"x"}] * 501, "InvalidArgumentException"),
        ("packed", [{"Data": b"x" * 1_024_001}], "InvalidArgumentException"),
    ],
)
def test_what_the_service_refuses_is_refused(firehose: Any, stream: str, records: list[Any], reason: str) -> None:
    with pytest.raises(ClientError, match=reason):
        firehose.put_record_batch(DeliveryStreamName=stream, Records=records)
