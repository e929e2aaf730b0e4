"""What the API serves in a second, beside a bare FastAPI endpoint that returns the same bytes.

`python -m benchmarks.serving`, with `--build` also while a build runs.

Needs `wrk` (Debian's package) and a published lake. Asked for: 1,000 bars of one symbol, from 16 connections, of one
worker. "from the lake" asks for a new page every time, so that no answer comes from memory.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pipeline import lake
from pipeline.build import build
from pipeline.dbt import Dbt

SECONDS = 5
ADDRESS = "/v1/bars?symbol=TSLA&limit=1000"
BARE = """
import sys, uvicorn
from fastapi import FastAPI, Response
content = open(sys.argv[1], "rb").read()
app = FastAPI()
@app.get("/v1/bars")
async def bars(symbol: str, limit: int) -> Response:
    return Response(content, media_type="application/json")
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="warning")
"""


@contextmanager
def running(*command: str) -> Iterator[None]:
    process = subprocess.Popen([sys.executable, *command], cwd=lake.PROJECT, stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)


def load(address: str, seconds: int) -> tuple[float, str]:
    """Requests a second, and the 99th percentile as wrk writes it."""
    said = subprocess.run(
        ["wrk", "-t1", "-c16", f"-d{seconds}s", "--latency", address], capture_output=True, text=True, check=True
    ).stdout
    assert "Non-2xx" not in said, said
    rate, tail = re.search(r"Requests/sec:\s+([\d.]+)", said), re.search(r"99%\s+(\S+)", said)
    assert rate and tail
    return float(rate[1]), tail[1]


def wait_for(address: str) -> bytes:
    for _ in range(200):
        with suppress(OSError), urllib.request.urlopen(address) as answer:
            return bytes(answer.read())
        time.sleep(0.1)
    raise TimeoutError(address)


def from_the_lake(origin: str, count: int) -> str:
    """The median and 99th percentile of single requests that no memory can answer, in milliseconds."""
    took = []
    for number in range(count):
        started = time.perf_counter()
        with urllib.request.urlopen(f"{origin}/v1/bars?symbol=TSLA&limit={1_000 + number % 1_000}") as answer:
            answer.read()
        took.append(1_000 * (time.perf_counter() - started))
    took.sort()
    return f"p50 {took[len(took) // 2]:.0f} ms, p99 {took[int(0.99 * len(took))]:.0f} ms"


def main() -> int:
    if not shutil.which("wrk"):
        print("error: no wrk: install Debian's package wrk", file=sys.stderr)
        return 2
    folder = str(lake.folder())
    with running("-m", "serving.api", "--lake", folder, "--port", "8391", "--rate", "0"):
        content = wait_for(f"http://127.0.0.1:8391{ADDRESS}")
        print(f"{json.loads(content)['count']} bars, {len(content):,} bytes")
        ours, tail = load(f"http://127.0.0.1:8391{ADDRESS}", SECONDS)
        print(f"API, from memory: {ours:,.0f} requests/s, p99 {tail}")
        with tempfile.NamedTemporaryFile() as same:
            same.write(content)
            same.flush()
            with running("-c", BARE, same.name, "8392"):
                wait_for(f"http://127.0.0.1:8392{ADDRESS}")
                bare, tail = load(f"http://127.0.0.1:8392{ADDRESS}", SECONDS)
        print(f"bare FastAPI endpoint: {bare:,.0f} requests/s, p99 {tail}; the API gives {ours / bare:.2f} of it")
        print(f"API, from the lake, one at a time: {from_the_lake('http://127.0.0.1:8391', 100)}")
        if "--build" not in sys.argv:
            return 0
        building = threading.Thread(target=build, args=(Dbt("local"),))
        building.start()
        ours, tail = load(f"http://127.0.0.1:8391{ADDRESS}", SECONDS)
        print(f"API, from memory, while a build runs: {ours:,.0f} requests/s, p99 {tail}")
        print(f"API, from the lake, while a build runs: {from_the_lake('http://127.0.0.1:8391', 100)}")
        building.join()
    print(Path("/proc/loadavg").read_text().split()[0], "load average at the end")
    return 0


if __name__ == "__main__":
    sys.exit(main())
