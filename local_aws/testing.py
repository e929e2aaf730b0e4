"""A local AWS for tests, from any Python: this module needs the standard library only.

```python
@pytest.fixture(scope="session")
def aws() -> Iterator[LocalAws]:
    with local_aws(options=["--bucket", "results"]) as running:
        os.environ.update(running.environment)
        yield running
```
"""

import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from local_aws.errors import LocalAwsError

_PACKAGE_PARENT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class LocalAws:
    """A running local AWS: the environment that its clients need, and the process id of the gateway."""

    environment: dict[str, str]
    pid: int

    @property
    def endpoint(self) -> str:
        """Return the endpoint of every service."""
        return self.environment["AWS_ENDPOINT_URL"]


@contextmanager
def local_aws(
    python: Path = _PACKAGE_PARENT / ".venv-local-aws" / "bin" / "python", options: Sequence[str] = ()
) -> Iterator[LocalAws]:
    """Run a local AWS on free ports while the block runs; it ends with the block and with this process.

    `python` is the interpreter of an environment with requirements/local_aws.txt; `options` are those of
    `python -m local_aws`. Raises LocalAwsError when the environment is missing or the start fails.
    """
    if not python.exists():
        raise LocalAwsError(f"no environment of the local AWS: {python}; run `make setup-local-aws`")
    process = subprocess.Popen(
        [str(python), "-m", "local_aws", "--port", "0", "--json", "--until-eof", *options],
        cwd=_PACKAGE_PARENT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        line = process.stdout.readline()
        if not line:
            raise LocalAwsError(f"the local AWS did not start: exit code {process.wait()}; see its messages above")
        yield LocalAws(json.loads(line), process.pid)
    finally:
        process.stdin.close()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
