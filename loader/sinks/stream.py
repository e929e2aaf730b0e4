"""Delivery to Firehose and Kinesis: lines are packed into records, and only failed records are sent again.

Both services respond record by record, and may accept a batch and still time out:
then it is sent again, and the warehouse removes the copies.
"""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as BotoConnectionError

from loader.sinks import TOO_LARGE, Delivery, UndeliveredLine
from loader.sinks.packing import Record, batches, pack

if TYPE_CHECKING:
    from mypy_boto3_firehose import FirehoseClient
    from mypy_boto3_kinesis import KinesisClient

_TRANSIENT = (
    "InternalFailure",
    "InternalServerError",
    "KMSThrottlingException",
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "RequestTimeout",
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
)


@dataclass(frozen=True)
class Backoff:
    """Exponential backoff with full jitter below a capped bound. Times in seconds."""

    attempts: int = 8
    base: float = 0.1
    cap: float = 5.0
    sleep: Callable[[float], object] = time.sleep
    rng: random.Random = field(default_factory=random.Random)

    def wait(self, attempt: int) -> None:
        """Wait after the given failed attempt (the first is 0)."""
        self.sleep(self.rng.uniform(0, min(self.cap, self.base * 2**attempt)))


class StreamService(Protocol):
    """A service that accepts batches of records."""

    @property
    def by_symbol(self) -> bool:
        """Whether the lines of a record are of one symbol."""
        ...

    def put(self, stream: str, records: Sequence[Record]) -> list[str | None]:
        """Send the records and return the error code of each (None: accepted). Raises botocore's exceptions."""
        ...


@dataclass(frozen=True)
class FirehoseService:
    """`PutRecordBatch` on a boto3 Firehose client."""

    client: "FirehoseClient"
    by_symbol: bool = False

    def put(self, stream: str, records: Sequence[Record]) -> list[str | None]:
        """Send the records; the response's entries are in the order of the request."""
        response = self.client.put_record_batch(
            DeliveryStreamName=stream, Records=[{"Data": record.data} for record in records]
        )
        return _complete([entry.get("ErrorCode") for entry in response["RequestResponses"]], len(records))


@dataclass(frozen=True)
class KinesisService:
    """`PutRecords` on a boto3 Kinesis client; the partition key is the symbol."""

    client: "KinesisClient"
    by_symbol: bool = True

    def put(self, stream: str, records: Sequence[Record]) -> list[str | None]:
        """Send the records; the response's entries are in the order of the request."""
        response = self.client.put_records(
            StreamName=stream, Records=[{"Data": record.data, "PartitionKey": record.key} for record in records]
        )
        return _complete([entry.get("ErrorCode") for entry in response["Records"]], len(records))


def _complete(codes: list[str | None], expected: int) -> list[str | None]:
    """Return the codes; those of a response without an entry for each record count as failures."""
    return codes if len(codes) == expected else ["InternalFailure"] * expected


@dataclass
class StreamSink:
    """Delivers to a stream per dataset, named in `streams`; a dataset without a stream is dead-lettered."""

    service: StreamService
    streams: Mapping[str, str]
    backoff: Backoff = field(default_factory=Backoff)

    def deliver(self, dataset: str, lines: Sequence[bytes], name: str, arrived_at: datetime) -> Delivery:
        """Pack and send the lines, with retries. The stream itself names its objects and their hour."""
        stream = self.streams.get(dataset)
        if not stream:
            return Delivery(0, tuple(UndeliveredLine(line, f"no stream for {dataset}") for line in lines))
        records, too_large = pack(lines, by_symbol=self.service.by_symbol)
        undelivered = [UndeliveredLine(line, TOO_LARGE) for line in too_large]
        for batch in batches(records):
            for record, reason in self._put(stream, batch):
                undelivered.extend(UndeliveredLine(line, reason) for line in record.lines)
        return Delivery(len(lines) - len(undelivered), tuple(undelivered))

    def _put(self, stream: str, batch: list[Record]) -> list[tuple[Record, str]]:
        """Send one batch until every record is accepted or rejected; return the rejected ones, each with the reason."""
        rejected: list[tuple[Record, str]] = []
        for attempt in range(self.backoff.attempts):
            try:
                codes = self.service.put(stream, batch)
            except ClientError as error:
                codes = [str(error.response.get("Error", {}).get("Code", "unknown"))] * len(batch)
            except (HTTPClientError, BotoConnectionError) as error:
                codes = [f"Transport:{type(error).__name__}"] * len(batch)
            except BotoCoreError as error:
                codes = [type(error).__name__] * len(batch)
            failed = [(record, code) for record, code in zip(batch, codes, strict=True) if code]
            rejected += [(record, code) for record, code in failed if not _is_transient(code)]
            failed = [(record, code) for record, code in failed if _is_transient(code)]
            if not failed:
                return rejected
            batch = [record for record, _ in failed]
            if attempt + 1 < self.backoff.attempts:
                self.backoff.wait(attempt)
        return rejected + [(record, f"{code} after {self.backoff.attempts} attempts") for record, code in failed]


def _is_transient(code: str) -> bool:
    return code in _TRANSIENT or code.startswith("Transport:")
