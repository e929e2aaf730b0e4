"""A local AWS for the length of a test run, from any Python: needs nothing but the standard library here."""

import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from local_aws.errors import LocalAwsError

_HERE = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class LocalAws:
    """A running one: the environment its clients need, and the process id of the gateway."""

    environment: dict[str, str]
    pid: int

    @property
    def endpoint(self) -> str:
        """The endpoint of every service."""
        return self.environment["AWS_ENDPOINT_URL"]


@contextmanager
def local_aws(
    python: Path = _HERE / ".venv-local-aws" / "bin" / "python", options: Sequence[str] = ()
) -> Iterator[LocalAws]:
    """Start a local AWS on free ports with the Python of its environment, and end it with the block or this process.

    Raises LocalAwsError when the environment is missing or the start fails.
    """
    if not python.exists():
        raise LocalAwsError(f"no {python}: run `make setup-local-aws`")
    process = subprocess.Popen(
        [str(python), "-m", "local_aws", "--port", "0", "--json", "--until-eof", *options],
        cwd=_HERE,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        line = process.stdout.readline()
        if not line:
            raise LocalAwsError(f"the local AWS did not start (exit {process.wait()}): its messages are above")
        yield LocalAws(json.loads(line), process.pid)
    finally:
        process.stdin.close()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
