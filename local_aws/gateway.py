"""One HTTP endpoint: Athena and Firehose's deliveries here, Glue guarded here, S3, STS and the rest by moto."""

import io
import json
import threading
import traceback
from collections.abc import Callable, Iterable
from typing import Any

from local_aws.athena.api import AthenaApi
from local_aws.athena.errors import InvalidRequestError
from local_aws.firehose import Firehose

StartResponse = Callable[[str, list[tuple[str, str]]], object]
Environ = dict[str, Any]
App = Callable[[Environ, StartResponse], Iterable[bytes]]

_JSON = "application/x-amz-json-1.1"
# Column statistics: moto answers 500, and Trino asks for them with every write to a Hive table.
_ANSWERS: dict[str, dict[str, object]] = {
    "Get": {"ColumnStatisticsList": [], "Errors": []},
    "Update": {"Errors": []},
    "Delete": {},
}
_STATISTICS = {
    f"AWSGlue.{verb}ColumnStatisticsFor{what}": answer
    for what in ("Table", "Partition")
    for verb, answer in _ANSWERS.items()
}


class Gateway:
    """The WSGI application. `glue` is a client of this very endpoint, for reading tables under the lock."""

    def __init__(self, moto: App, athena: AthenaApi, glue: Any, firehose: Firehose) -> None:
        self._moto = moto
        self._own: dict[str, AthenaApi | Firehose] = {"AmazonAthena": athena, "Firehose_20150804": firehose}
        self._glue = glue
        self._commit = threading.Lock()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        service, _, operation = str(environ.get("HTTP_X_AMZ_TARGET", "")).partition(".")
        if (own := self._own.get(service)) and own.knows(operation):
            return self._answer(own, operation, environ, start_response)
        if (stub := _STATISTICS.get(f"{service}.{operation}")) is not None:
            _body(environ)
            return _reply(start_response, "200 OK", stub)
        if (service, operation) == ("AWSGlue", "UpdateTable"):
            return self._update_table(environ, start_response)
        return self._moto(environ, start_response)

    def _answer(
        self, own: AthenaApi | Firehose, operation: str, environ: Environ, start_response: StartResponse
    ) -> Iterable[bytes]:
        try:
            return _reply(start_response, "200 OK", own.call(operation, json.loads(_body(environ) or b"{}")))
        except InvalidRequestError as error:
            answer = {"__type": error.kind, "Message": str(error), "AthenaErrorCode": error.code}
            return _reply(start_response, "400 Bad Request", answer)
        except Exception as error:
            traceback.print_exc()
            answer = {"__type": "InternalServerException", "Message": f"{type(error).__name__}: {error}"}
            return _reply(start_response, "500 Internal Server Error", answer)

    def _update_table(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Keep Iceberg's promise: a commit counts only on top of the metadata it was made from.

        Glue does this for real; moto does not, and loses commits in silence.
        """
        body = _body(environ)
        with self._commit:
            if self._is_current(json.loads(body)):
                return list(self._moto(environ, start_response))
        answer = {
            "__type": "ConcurrentModificationException",
            "Message": "Update table failed due to concurrent modifications.",
        }
        return _reply(start_response, "400 Bad Request", answer)

    def _is_current(self, update: dict[str, Any]) -> bool:
        new = update["TableInput"].get("Parameters") or {}
        if not (expected := new.get("previous_metadata_location")):
            return True
        try:
            table = self._glue.get_table(DatabaseName=update["DatabaseName"], Name=update["TableInput"]["Name"])
        except self._glue.exceptions.EntityNotFoundException:
            return True
        stored = (table["Table"].get("Parameters") or {}).get("metadata_location")
        return stored in (expected, new.get("metadata_location"))


def _body(environ: Environ) -> bytes:
    """Read a request's body, and leave a fresh copy for the next reader."""
    raw: bytes = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(raw)
    return raw


def _reply(start_response: StartResponse, status: str, answer: object) -> list[bytes]:
    raw = json.dumps(answer).encode()
    start_response(status, [("Content-Type", _JSON), ("Content-Length", str(len(raw)))])
    return [raw]
