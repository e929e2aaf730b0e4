"""Firehose and Kinesis: lines packed into records, only failed records sent again, what cannot be delivered accounted.

Both answer a batch record by record, and may accept a batch and still time out:
then it is sent again, and the warehouse recognises the copies.
"""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as BotoConnectionError

from loader.sinks import TOO_LARGE, Delivery, Undelivered
from loader.sinks.packing import Record, batches, pack

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
    """How often and how long to wait: full jitter below a doubling bound that is capped. All in seconds."""

    attempts: int = 8
    base: float = 0.1
    cap: float = 5.0
    sleep: Callable[[float], object] = time.sleep
    rng: random.Random = field(default_factory=random.Random)

    def wait(self, attempt: int) -> None:
        """Wait before repeating after the given failed attempt (the first is 0)."""
        self.sleep(self.rng.uniform(0, min(self.cap, self.base * 2**attempt)))


class Service(Protocol):
    """One call that puts a batch, and the error code of each record in the answer (None: accepted)."""

    @property
    def by_symbol(self) -> bool:
        """Whether a record holds the lines of one symbol."""
        ...

    def put(self, stream: str, records: Sequence[Record]) -> list[str | None]:
        """Put the records. Raises botocore's exceptions."""
        ...


@dataclass(frozen=True)
class Firehose:
    """`PutRecordBatch` on a boto3 Firehose client."""

    client: Any
    by_symbol: bool = False

    def put(self, stream: str, records: Sequence[Record]) -> list[str | None]:
        """Put the records; the answer's entries stand in the order of the request."""
        answer = self.client.put_record_batch(
            DeliveryStreamName=stream, Records=[{"Data": record.data} for record in records]
        )
        return _codes(answer, "RequestResponses", len(records))


@dataclass(frozen=True)
class Kinesis:
    """`PutRecords` on a boto3 Kinesis client; the partition key is the symbol."""

    client: Any
    by_symbol: bool = True

    def put(self, stream: str, records: Sequence[Record]) -> list[str | None]:
        """Put the records; the answer's entries stand in the order of the request."""
        answer = self.client.put_records(
            StreamName=stream, Records=[{"Data": record.data, "PartitionKey": record.key} for record in records]
        )
        return _codes(answer, "Records", len(records))


def _codes(answer: Mapping[str, Any], entries: str, expected: int) -> list[str | None]:
    codes = [entry.get("ErrorCode") for entry in answer.get(entries, [])]
    return codes if len(codes) == expected else ["InternalFailure"] * expected


@dataclass
class StreamSink:
    """Delivers to a stream per dataset, named in `streams`; a dataset without a stream is dead-lettered."""

    service: Service
    streams: Mapping[str, str]
    backoff: Backoff = field(default_factory=Backoff)

    def deliver(self, dataset: str, lines: Sequence[bytes], name: str, arrived_at: datetime) -> Delivery:
        """Pack, send, and repeat what failed. The stream names its objects and stamps their hour itself."""
        stream = self.streams.get(dataset)
        if not stream:
            return Delivery(0, tuple(Undelivered(line, f"no stream for {dataset}") for line in lines))
        records, too_large = pack(lines, by_symbol=self.service.by_symbol)
        dead = [Undelivered(line, TOO_LARGE) for line in too_large]
        for batch in batches(records):
            for record, reason in self._put(stream, batch):
                dead.extend(Undelivered(line, reason) for line in record.lines)
        return Delivery(len(lines) - len(dead), tuple(dead))

    def _put(self, stream: str, batch: list[Record]) -> list[tuple[Record, str]]:
        """Send one batch until every record is accepted or given up; return those given up, each with the reason."""
        given_up: list[tuple[Record, str]] = []
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
            given_up += [(record, code) for record, code in failed if not _is_transient(code)]
            failed = [(record, code) for record, code in failed if _is_transient(code)]
            if not failed:
                return given_up
            batch = [record for record, _ in failed]
            if attempt + 1 < self.backoff.attempts:
                self.backoff.wait(attempt)
        return given_up + [(record, f"{code} after {self.backoff.attempts} attempts") for record, code in failed]


def _is_transient(code: str) -> bool:
    return code in _TRANSIENT or code.startswith("Transport:")
