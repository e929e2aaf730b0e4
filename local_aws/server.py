"""The two processes as one: the gateway in this process, Trino as its child; both end with whoever started them."""

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
from typing import Any

from local_aws.athena.api import AthenaApi
from local_aws.athena.catalog import Catalog
from local_aws.athena.execution import Executions, Services
from local_aws.athena.trino import TrinoClient
from local_aws.athena.workgroups import Workgroups
from local_aws.errors import LocalAwsError
from local_aws.firehose import Firehose
from local_aws.gateway import Gateway
from local_aws.trino_server import TrinoServer, TrinoSettings

_RESTARTS = 5


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """What a user may choose. Port 0 is any free port; `buckets` exist from the start."""

    port: int = 0
    region: str = "us-east-1"
    heap: str = "2g"
    buckets: tuple[str, ...] = ()
    dynamic_filtering: bool = False
    folder: Path | None = None


@contextmanager
def serving(settings: ServerSettings, say: Callable[[str], None]) -> Iterator[tuple[dict[str, str], TrinoServer]]:
    """Run the whole stack while the block runs. Gives the environment that clients need, and the Trino process."""
    port = settings.port or free_port()
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
    folder = settings.folder or Path(tempfile.mkdtemp(prefix="local-aws-"))
    folder.mkdir(parents=True, exist_ok=True)
    trino = TrinoServer(
        TrinoSettings(
            port=free_port(),
            endpoint=endpoint,
            region=settings.region,
            folder=folder,
            heap=settings.heap,
            dynamic_filtering=settings.dynamic_filtering,
        )
    )
    started = time.monotonic()
    trino.start()  # first, from the main thread: Linux ends the child with the thread that made it
    http = None
    try:
        http = _http_server(port, trino, folder)
        threading.Thread(target=http.serve_forever, daemon=True).start()
        _create_buckets(settings.buckets)
        trino.wait_until_ready()
        say(f"up in {time.monotonic() - started:.1f} s: {endpoint} (Trino {trino.pid} on {trino.url})")
        yield environment | {"LOCAL_AWS_LEDGER": str(folder / "ledger.jsonl")}, trino
    finally:
        trino.stop()
        if http is not None:
            http.shutdown()
        if settings.folder is None:
            shutil.rmtree(folder, ignore_errors=True)


def run(settings: ServerSettings, announce: Callable[[dict[str, str]], None], *, until_eof: bool) -> None:
    """Serve until a signal, or until standard input ends when `until_eof`; restart a Trino that died."""
    ending = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: ending.set())
    if until_eof:
        threading.Thread(target=_wait_for_eof, args=(ending,), daemon=True).start()
    parent = os.getppid()
    restarts = 0
    with serving(settings, lambda text: print(text, file=sys.stderr, flush=True)) as (environment, trino):
        announce(environment)
        while not ending.wait(0.5):
            if os.getppid() != parent:
                break
            if not trino.is_running():
                if restarts == _RESTARTS:
                    raise LocalAwsError(f"Trino died {restarts + 1} times: see {settings.folder}/trino.log")
                restarts += 1
                print("Trino died: starting it again", file=sys.stderr, flush=True)
                trino.start()


def free_port() -> int:
    """Give a port of 127.0.0.1 that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for_eof(ending: threading.Event) -> None:
    with suppress(OSError):
        while os.read(0, 4096):
            pass
    ending.set()


def _http_server(port: int, trino: TrinoServer, folder: Path) -> Any:
    import boto3
    from botocore.config import Config
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    config = Config(max_pool_connections=50, retries={"max_attempts": 5, "mode": "standard"})
    glue, s3 = boto3.client("glue", config=config), boto3.client("s3", config=config)
    scratch = folder / "results"
    scratch.mkdir(exist_ok=True)
    workgroups = Workgroups()
    services = Services(TrinoClient(trino.url), glue, s3, scratch, workgroups.statement)
    athena = AthenaApi(Executions(services, folder / "ledger.jsonl"), workgroups, Catalog(glue))
    firehose = Firehose(boto3.client("firehose", config=config), s3)
    gateway = Gateway(DomainDispatcherApplication(create_backend_app), athena, glue, firehose)
    return make_server("127.0.0.1", port, gateway, threaded=True, request_handler=MotoRequestHandler)


def _create_buckets(names: tuple[str, ...]) -> None:
    import boto3

    s3 = boto3.client("s3")
    for name in names:
        s3.create_bucket(Bucket=name)
    boto3.client("glue").create_database(DatabaseInput={"Name": "default"})
