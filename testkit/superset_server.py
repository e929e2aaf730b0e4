"""Start a Superset with the dashboards for the length of a block: for tests and screenshots."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

PROJECT = Path(__file__).resolve().parent.parent
PYTHON = PROJECT / ".venv-superset" / "bin" / "python"
_SECONDS = 600


@dataclass(frozen=True, slots=True)
class SupersetServer:
    """The address of a running Superset, and its administrator's password."""

    address: str
    password: str


@contextmanager
def start_superset(lake: Path, *options: str, environment: Mapping[str, str] | None = None) -> Iterator[SupersetServer]:
    """Start Superset over a lake on a free port, and stop it at the block's end.

    Raises RuntimeError with the end of its log when it does not start.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    log = lake / "superset.log"
    with log.open("w") as target:
        process = subprocess.Popen(
            [str(PYTHON), "-m", "dashboards.serve", "--port", address.partition(":")[2], *options],
            cwd=PROJECT,
            stdout=target,
            stderr=target,
            env={**os.environ, **(environment or {}), "TICKERLAKE_LAKE": str(lake.resolve())},
        )
    try:
        for _ in range(_SECONDS):
            if process.poll() is not None:
                break
            if _is_up(f"http://{address}/health"):
                yield SupersetServer(f"http://{address}", (lake / "superset" / "password").read_text())
                return
            time.sleep(1)
        raise RuntimeError(log.read_text()[-3000:])
    finally:
        process.terminate()
        process.wait(20)


def _is_up(address: str) -> bool:
    try:
        with urlopen(address, timeout=5):  # noqa: S310 - http of this machine
            return True
    except (URLError, ConnectionError, TimeoutError):
        return False
