"""One HTTP endpoint for every service: Athena and Firehose's deliveries by this package, the rest by moto.

Glue's UpdateTable gets an optimistic lock on its way to moto.
"""

import io
import json
import threading
import traceback
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from local_aws.athena.errors import InvalidRequestError
from local_aws.boto_types import GlueClient

StartResponse = Callable[[str, list[tuple[str, str]]], object]
Environ = dict[str, Any]
WsgiApp = Callable[[Environ, StartResponse], Iterable[bytes]]

_CONTENT_TYPE = "application/x-amz-json-1.1"
# Column statistics: moto answers HTTP 500, and Trino calls them with every write to a Hive table.
_RESPONSES_BY_VERB: dict[str, dict[str, object]] = {
    "Get": {"ColumnStatisticsList": [], "Errors": []},
    "Update": {"Errors": []},
    "Delete": {},
}
_STATISTICS_RESPONSES = {
    f"AWSGlue.{verb}ColumnStatisticsFor{kind}": response
    for kind in ("Table", "Partition")
    for verb, response in _RESPONSES_BY_VERB.items()
}


class JsonService(Protocol):
    """A service of this package behind the gateway."""

    def serves(self, operation: str) -> bool:
        """Return whether the service answers the operation; moto answers it otherwise."""

    def call(self, operation: str, request: dict[str, Any]) -> dict[str, object]:
        """Answer one request. Raises InvalidRequestError for one that the service refuses."""


class Gateway:
    """The WSGI application. `glue` is a client of its own endpoint; it reads tables under the lock."""

    def __init__(self, moto: WsgiApp, athena: JsonService, firehose: JsonService, glue: GlueClient) -> None:
        self._moto = moto
        self._services = {"AmazonAthena": athena, "Firehose_20150804": firehose}
        self._glue = glue
        self._commit_lock = threading.Lock()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        name, _, operation = str(environ.get("HTTP_X_AMZ_TARGET", "")).partition(".")
        if (service := self._services.get(name)) and service.serves(operation):
            return self._call(service, operation, environ, start_response)
        if (response := _STATISTICS_RESPONSES.get(f"{name}.{operation}")) is not None:
            _read_body(environ)
            return _respond(start_response, "200 OK", response)
        if (name, operation) == ("AWSGlue", "UpdateTable"):
            return self._update_table(environ, start_response)
        return self._moto(environ, start_response)

    def _call(
        self, service: JsonService, operation: str, environ: Environ, start_response: StartResponse
    ) -> Iterable[bytes]:
        try:
            request = json.loads(_read_body(environ) or b"{}")
            return _respond(start_response, "200 OK", service.call(operation, request))
        except InvalidRequestError as error:
            response = {"__type": error.exception_name, "Message": str(error), "AthenaErrorCode": error.code}
            return _respond(start_response, "400 Bad Request", response)
        except Exception as error:
            traceback.print_exc()
            response = {"__type": "InternalServerException", "Message": f"{type(error).__name__}: {error}"}
            return _respond(start_response, "500 Internal Server Error", response)

    def _update_table(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Pass UpdateTable on, unless another Iceberg commit has replaced the metadata that this one starts from.

        Glue refuses such a commit; moto would accept it and lose the other one.
        """
        body = _read_body(environ)
        with self._commit_lock:
            if self._is_current(json.loads(body)):
                return list(self._moto(environ, start_response))
        response = {
            "__type": "ConcurrentModificationException",
            "Message": "Update table failed due to concurrent modifications.",
        }
        return _respond(start_response, "400 Bad Request", response)

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


def _read_body(environ: Environ) -> bytes:
    """Return a request's body, and leave a copy that can be read again."""
    raw: bytes = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(raw)
    return raw


def _respond(start_response: StartResponse, status: str, response: object) -> list[bytes]:
    raw = json.dumps(response).encode()
    start_response(status, [("Content-Type", _CONTENT_TYPE), ("Content-Length", str(len(raw)))])
    return [raw]
