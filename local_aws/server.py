"""The two processes of a local AWS: the gateway in this process, Trino as its child."""

import logging
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from local_aws.athena.api import AthenaApi
from local_aws.athena.execution import ExecutionServices, QueryExecutions
from local_aws.athena.metadata import MetadataApi
from local_aws.athena.trino import TrinoClient
from local_aws.athena.workgroups import WorkgroupsApi
from local_aws.errors import LocalAwsError, TrinoCrashedError
from local_aws.firehose import FirehoseEmulator
from local_aws.gateway import Gateway
from local_aws.trino_server import TrinoServer, TrinoSettings

if TYPE_CHECKING:
    from werkzeug.serving import BaseWSGIServer

_MAX_RESTARTS = 5


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """The user's options. Port 0 is any free port; `buckets` are created at the start."""

    port: int = 0
    region: str = "us-east-1"
    heap: str = "2g"
    buckets: tuple[str, ...] = ()
    dynamic_filtering: bool = False


def run(settings: ServerSettings, announce: Callable[[dict[str, str]], None], *, until_eof: bool) -> None:
    """Serve until a signal, until the parent process ends, or until standard input ends when `until_eof`.

    `announce` is called once with the environment that clients need. Raises LocalAwsError when the start fails,
    TrinoCrashedError when Trino ended more often than it is restarted.
    """
    ending = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: ending.set())
    if until_eof:
        threading.Thread(target=_wait_for_eof, args=(ending,), daemon=True).start()
    parent = os.getppid()
    restarts = 0
    with serve(settings) as (environment, trino):
        announce(environment)
        while not ending.wait(0.5) and os.getppid() == parent:
            if trino.is_running():
                continue
            if restarts == _MAX_RESTARTS:
                raise TrinoCrashedError(f"Trino ended {restarts + 1} times; its log ends:\n{trino.log_tail()}")
            restarts += 1
            _log("Trino ended unexpectedly: restarting it")
            trino.start()


@contextmanager
def serve(settings: ServerSettings) -> Iterator[tuple[dict[str, str], TrinoServer]]:
    """Run gateway and Trino while the block runs; yields the environment that clients need and the Trino process.

    Raises LocalAwsError when the port is in use or Trino does not start.
    """
    port = settings.port or _find_free_port()
    _check_port(port)
    endpoint = f"http://127.0.0.1:{port}"
    environment = {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_REGION": settings.region,
        "AWS_DEFAULT_REGION": settings.region,
    }
    os.environ.pop("AWS_PROFILE", None)
    os.environ.update(environment)
    folder = Path(tempfile.mkdtemp(prefix="local-aws-"))
    trino = TrinoServer(
        TrinoSettings(
            port=_find_free_port(),
            endpoint=endpoint,
            region=settings.region,
            folder=folder,
            heap=settings.heap,
            dynamic_filtering=settings.dynamic_filtering,
        )
    )
    started = time.monotonic()
    trino.start()  # in the main thread: Linux ends the child with the thread that started it
    http = None
    try:
        http = _make_http_server(port, trino, folder)
        threading.Thread(target=http.serve_forever, daemon=True).start()
        _create_buckets(settings.buckets)
        trino.wait_until_ready()
        _log(f"up in {time.monotonic() - started:.1f} s: {endpoint} (Trino {trino.pid} on {trino.url})")
        yield environment | {"LOCAL_AWS_LEDGER": str(folder / "ledger.jsonl")}, trino
    finally:
        trino.stop()
        if http is not None:
            http.shutdown()
        shutil.rmtree(folder, ignore_errors=True)


def _log(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _find_free_port() -> int:
    """Return a port of 127.0.0.1 that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _check_port(port: int) -> None:
    """Raise LocalAwsError when a port cannot be bound."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise LocalAwsError(f"cannot bind port {port}: {error.strerror}; pass --port") from error


def _wait_for_eof(ending: threading.Event) -> None:
    with suppress(OSError):
        while os.read(0, 4096):
            pass
    ending.set()


def _make_http_server(port: int, trino: TrinoServer, folder: Path) -> "BaseWSGIServer":
    import boto3
    from botocore.config import Config
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    config = Config(max_pool_connections=50, retries={"max_attempts": 5, "mode": "standard"})
    glue, s3 = boto3.client("glue", config=config), boto3.client("s3", config=config)
    scratch = folder / "results"
    scratch.mkdir(exist_ok=True)
    workgroups = WorkgroupsApi()
    services = ExecutionServices(TrinoClient(trino.url), glue, s3, scratch, workgroups.prepared_sql)
    athena = AthenaApi(QueryExecutions(services, folder / "ledger.jsonl"), workgroups, MetadataApi(glue))
    firehose = FirehoseEmulator(boto3.client("firehose", config=config), s3)
    gateway = Gateway(DomainDispatcherApplication(create_backend_app), athena, firehose, glue)
    return make_server("127.0.0.1", port, gateway, threaded=True, request_handler=MotoRequestHandler)


def _create_buckets(names: tuple[str, ...]) -> None:
    import boto3

    s3 = boto3.client("s3")
    for name in names:
        s3.create_bucket(Bucket=name)
    boto3.client("glue").create_database(DatabaseInput={"Name": "default"})
