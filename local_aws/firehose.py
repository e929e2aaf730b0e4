"""Firehose that delivers: what is put into a stream lands in its bucket, as the service lays it, without buffering.

moto keeps the streams and answers every call but the two that put records. An answer means that the object is there.
Prefix expressions are `!{timestamp:…}` in UTC; GZIP, FileExtension and the limits of a batch are as the service's. Not
here: buffering, transformation, dynamic partitions, format conversion, a Kinesis source, error prefixes, retries.
"""

import base64
import gzip
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from local_aws.athena.errors import InvalidRequestError

_MOST_RECORDS, _MOST_BYTES, _LARGEST_RECORD = 500, 4 * 1024 * 1024, 1000 * 1024
_EXPRESSION = re.compile(r"!\{(\w+):([^}]*)\}")
_JAVA = {"yyyy": "%Y", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%M"}


class Firehose:
    """The two calls that put records; `firehose` and `s3` are clients of this very endpoint."""

    def __init__(self, firehose: Any, s3: Any, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._firehose, self._s3, self._now = firehose, s3, now

    def knows(self, operation: str) -> bool:
        """Whether the call is answered here."""
        return operation in ("PutRecord", "PutRecordBatch")

    def call(self, operation: str, body: dict[str, Any]) -> dict[str, Any]:
        """Deliver. Raises InvalidRequestError as the service refuses."""
        records = [body["Record"]] if operation == "PutRecord" else body["Records"]
        answers = self._deliver(body["DeliveryStreamName"], [base64.b64decode(record["Data"]) for record in records])
        if operation == "PutRecord":
            return {"RecordId": answers[0], "Encrypted": False}
        responses = [{"RecordId": answer} for answer in answers]
        return {"FailedPutCount": 0, "Encrypted": False, "RequestResponses": responses}

    def _deliver(self, stream: str, records: Sequence[bytes]) -> list[str]:
        if len(records) > _MOST_RECORDS or sum(map(len, records)) > _MOST_BYTES:
            raise InvalidRequestError("a batch holds at most 500 records and 4 MiB", kind="InvalidArgumentException")
        if any(len(record) > _LARGEST_RECORD for record in records):
            raise InvalidRequestError("a record holds at most 1,000 KiB", kind="InvalidArgumentException")
        target = self._destination(stream)
        content, now = b"".join(records), self._now()
        is_packed = target.get("CompressionFormat") == "GZIP"
        extension = target.get("FileExtension") or (".gz" if is_packed else "")
        name = f"{stream}-1-{now:%Y-%m-%d-%H-%M-%S}-{uuid4()}{extension}"
        self._s3.put_object(
            Bucket=target["BucketARN"].rpartition(":")[2],
            Key=prefix(target.get("Prefix") or "", now) + name,
            Body=gzip.compress(content) if is_packed else content,
        )
        return [str(uuid4()) for _ in records]

    def _destination(self, stream: str) -> dict[str, Any]:
        try:
            found = self._firehose.describe_delivery_stream(DeliveryStreamName=stream)
        except self._firehose.exceptions.ResourceNotFoundException:
            raise InvalidRequestError(f"no stream {stream}", kind="ResourceNotFoundException") from None
        (one,) = found["DeliveryStreamDescription"]["Destinations"]
        if "ExtendedS3DestinationDescription" not in one:
            raise InvalidRequestError("only streams to S3 deliver here", kind="InvalidArgumentException")
        target: dict[str, Any] = one["ExtendedS3DestinationDescription"]
        return target


def prefix(text: str, now: datetime) -> str:
    """Evaluate a prefix at an instant (UTC). Without an expression the hour is appended, as the service does."""
    if not _EXPRESSION.search(text):
        return f"{text}{now:%Y/%m/%d/%H}/"
    return _EXPRESSION.sub(lambda found: _evaluated(found[1], found[2], now), text)


def _evaluated(namespace: str, pattern: str, now: datetime) -> str:
    if namespace != "timestamp":
        raise InvalidRequestError(f"'{namespace}' is not evaluated here", kind="InvalidArgumentException")
    return now.strftime(re.sub("|".join(_JAVA), lambda found: _JAVA[found[0]], pattern))
