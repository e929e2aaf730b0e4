"""AWS clients of tests: botocore's response shapes, and faults by a seed."""

import random
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError, ReadTimeoutError

if TYPE_CHECKING:
    _AnyClient: Any
else:
    _AnyClient = object


class FaultyClient(_AnyClient):  # type: ignore[misc]  # stands in for the client of either service
    """Accepts record batches as Firehose and Kinesis do, and records the accepted ones in order.

    `partial`: chance of each record to fail; `throttle`: of a whole call to be rejected; `lost_response`: of a call to
    be accepted and then time out. Rejects what the services reject: too many records or bytes, too large a record.
    """

    def __init__(self, seed: int = 0, partial: float = 0.0, throttle: float = 0.0, lost_response: float = 0.0) -> None:
        self.rng = random.Random(seed)
        self.partial, self.throttle, self.lost_response = partial, throttle, lost_response
        self.accepted: dict[str, list[tuple[str, bytes]]] = {}
        self.calls = 0
        self.poison = b""

    def put_record_batch(self, DeliveryStreamName: str, Records: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        entries = self._accept("PutRecordBatch", DeliveryStreamName, Records, "ServiceUnavailableException")
        return {"FailedPutCount": sum("ErrorCode" in entry for entry in entries), "RequestResponses": entries}

    def put_records(self, StreamName: str, Records: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        assert all(0 < len(record["PartitionKey"]) <= 256 for record in Records)
        entries = self._accept("PutRecords", StreamName, Records, "ProvisionedThroughputExceededException")
        return {"FailedRecordCount": sum("ErrorCode" in entry for entry in entries), "Records": entries}

    def _accept(self, operation: str, stream: str, records: list[dict[str, Any]], refusal: str) -> list[dict[str, str]]:
        self.calls += 1
        sizes = [len(record["Data"]) + len(record.get("PartitionKey", "")) for record in records]
        assert 0 < len(records) <= 500
        assert sum(sizes) <= 4 * 1024 * 1024
        assert max(sizes) <= 1_000 * 1024
        if self.rng.random() < self.throttle:
            raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "slow down"}}, operation)
        entries = []
        for record in records:
            poisoned = self.poison and self.poison in record["Data"]
            if poisoned or self.rng.random() < self.partial:
                entries.append({"ErrorCode": refusal, "ErrorMessage": "slow down"})
            else:
                self.accepted.setdefault(stream, []).append((record.get("PartitionKey", ""), record["Data"]))
                entries.append({"RecordId": str(self.calls)})
        if self.rng.random() < self.lost_response:
            raise ReadTimeoutError(endpoint_url="https://stream")
        return entries

    def lines(self, stream: str) -> list[bytes]:
        """Return the accepted lines in order."""
        return [line for _, data in self.accepted.get(stream, []) for line in data.splitlines()]
