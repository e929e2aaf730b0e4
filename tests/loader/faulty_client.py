"""AWS clients of tests: botocore's response shapes, and faults by a seed."""

import random
from typing import Any

from botocore.exceptions import ClientError, ReadTimeoutError


class FaultyClient:
    """Takes record batches as Firehose and Kinesis do, and keeps what it accepted, in order.

    `partial`: chance of each record to fail; `throttle`: of a whole call to be refused; `lost_answer`: of a call to be
    accepted and then time out. Refuses what the services refuse: too many records, too many bytes, too large a record.
    """

    def __init__(self, seed: int = 0, partial: float = 0.0, throttle: float = 0.0, lost_answer: float = 0.0) -> None:
        self.rng = random.Random(seed)
        self.partial, self.throttle, self.lost_answer = partial, throttle, lost_answer
        self.accepted: dict[str, list[tuple[str, bytes]]] = {}
        self.calls = 0
        self.poison = b""

    def put_record_batch(self, DeliveryStreamName: str, Records: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        answers = self._take("PutRecordBatch", DeliveryStreamName, Records, "ServiceUnavailableException")
        return {"FailedPutCount": sum("ErrorCode" in answer for answer in answers), "RequestResponses": answers}

    def put_records(self, StreamName: str, Records: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        assert all(0 < len(record["PartitionKey"]) <= 256 for record in Records)
        answers = self._take("PutRecords", StreamName, Records, "ProvisionedThroughputExceededException")
        return {"FailedRecordCount": sum("ErrorCode" in answer for answer in answers), "Records": answers}

    def _take(self, operation: str, stream: str, records: list[dict[str, Any]], refusal: str) -> list[dict[str, str]]:
        self.calls += 1
        sizes = [len(record["Data"]) + len(record.get("PartitionKey", "")) for record in records]
        assert 0 < len(records) <= 500
        assert sum(sizes) <= 4 * 1024 * 1024
        assert max(sizes) <= 1_000 * 1024
        if self.rng.random() < self.throttle:
            raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "slow down"}}, operation)
        answers = []
        for record in records:
            poisoned = self.poison and self.poison in record["Data"]
            if poisoned or self.rng.random() < self.partial:
                answers.append({"ErrorCode": refusal, "ErrorMessage": "slow down"})
            else:
                self.accepted.setdefault(stream, []).append((record.get("PartitionKey", ""), record["Data"]))
                answers.append({"RecordId": str(self.calls)})
        if self.rng.random() < self.lost_answer:
            raise ReadTimeoutError(endpoint_url="https://stream")
        return answers

    def lines(self, stream: str) -> list[bytes]:
        """What landed, line by line, in the order of acceptance."""
        return [line for _, data in self.accepted.get(stream, []) for line in data.splitlines()]
