"""Firehose with delivery: records put into a stream are written to its bucket at once, without buffering.

moto stores the streams and answers every operation but PutRecord and PutRecordBatch. When a put is answered, its object
is in S3. `!{timestamp:…}` prefixes in UTC, GZIP, FileExtension and the limits of a batch are the service's. Missing:
buffering, transformation, dynamic partitioning, format conversion, a Kinesis stream as source, error prefixes, retries.
"""

import base64
import gzip
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from local_aws.athena.errors import InvalidRequestError
from local_aws.boto_types import FirehoseClient, S3Client, S3Destination

_MAX_RECORDS, _MAX_BATCH_BYTES, _MAX_RECORD_BYTES = 500, 4 * 1024 * 1024, 1000 * 1024
_EXPRESSION = re.compile(r"!\{(\w+):([^}]*)\}")
_JAVA_TO_STRFTIME = {"yyyy": "%Y", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%M"}


class FirehoseEmulator:
    """The two operations that put records. `firehose` and `s3` are clients of the gateway's own endpoint."""

    def __init__(
        self, firehose: FirehoseClient, s3: S3Client, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._firehose, self._s3, self._now = firehose, s3, now

    def serves(self, operation: str) -> bool:
        """Return whether this service answers the operation."""
        return operation in ("PutRecord", "PutRecordBatch")

    def call(self, operation: str, request: dict[str, Any]) -> dict[str, object]:
        """Deliver the records. Raises InvalidRequestError for what Firehose refuses."""
        records = [request["Record"]] if operation == "PutRecord" else request["Records"]
        ids = self._deliver(request["DeliveryStreamName"], [base64.b64decode(record["Data"]) for record in records])
        if operation == "PutRecord":
            return {"RecordId": ids[0], "Encrypted": False}
        return {"FailedPutCount": 0, "Encrypted": False, "RequestResponses": [{"RecordId": item} for item in ids]}

    def _deliver(self, stream: str, records: Sequence[bytes]) -> list[str]:
        """Write the records as one object and return an id for each."""
        if len(records) > _MAX_RECORDS or sum(map(len, records)) > _MAX_BATCH_BYTES:
            raise _invalid(f"batch too large: {len(records)} records; a batch has at most 500 records and 4 MiB")
        if any(len(record) > _MAX_RECORD_BYTES for record in records):
            raise _invalid(f"record too large: {max(map(len, records))} bytes; a record has at most 1,000 KiB")
        destination = self._get_destination(stream)
        content, now = b"".join(records), self._now()
        is_compressed = destination.get("CompressionFormat") == "GZIP"
        extension = destination.get("FileExtension") or (".gz" if is_compressed else "")
        name = f"{stream}-1-{now:%Y-%m-%d-%H-%M-%S}-{uuid4()}{extension}"
        self._s3.put_object(
            Bucket=destination["BucketARN"].rpartition(":")[2],
            Key=evaluate_prefix(destination.get("Prefix") or "", now) + name,
            Body=gzip.compress(content) if is_compressed else content,
        )
        return [str(uuid4()) for _ in records]

    def _get_destination(self, stream: str) -> S3Destination:
        """Return the S3 destination of a stream. Raises InvalidRequestError when it has none."""
        try:
            response = self._firehose.describe_delivery_stream(DeliveryStreamName=stream)
        except self._firehose.exceptions.ResourceNotFoundException:
            raise InvalidRequestError(f"no delivery stream: {stream}", "ResourceNotFoundException") from None
        (destination,) = response["DeliveryStreamDescription"]["Destinations"]
        if "ExtendedS3DestinationDescription" not in destination:
            raise _invalid(f"unsupported destination of {stream}; only an extended S3 destination is emulated")
        return destination["ExtendedS3DestinationDescription"]


def evaluate_prefix(prefix: str, now: datetime) -> str:
    """Return a prefix at an instant (UTC). A prefix without an expression gets the hour appended, as in Firehose."""
    if not _EXPRESSION.search(prefix):
        return f"{prefix}{now:%Y/%m/%d/%H}/"
    return _EXPRESSION.sub(lambda match: _evaluate_expression(match[1], match[2], now), prefix)


def _evaluate_expression(namespace: str, pattern: str, now: datetime) -> str:
    if namespace != "timestamp":
        raise _invalid(f"unsupported namespace in a prefix: '{namespace}'; use timestamp")
    return now.strftime(re.sub("|".join(_JAVA_TO_STRFTIME), lambda match: _JAVA_TO_STRFTIME[match[0]], pattern))


def _invalid(message: str) -> InvalidRequestError:
    return InvalidRequestError(message, "InvalidArgumentException")
