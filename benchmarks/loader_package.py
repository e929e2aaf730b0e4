"""The Lambda package: its size, its import time, and what a ten-symbol fetch through the handler takes.

`python -m benchmarks.loader_package [DAYS]` needs the recorded bars (TICKERLAKE_REALDATA). Both handlers reach DAYS
back (default 1, the loader's own; on a Sunday or Monday morning, 4). A server on 127.0.0.1 plays Alpha Vantage,
Firehose and S3. It answers each of ten symbols with a month of real minutes in the vendor's shape, moved in time so
that the newest are of yesterday. Beside it a handler of the usual kind does the same work: requests, pandas, boto3, a
record a row. Each figure is of a fresh interpreter: the median of five, memory the highest process peak. Exits with 1
when the loader is over its budget.
"""

import csv
import gzip
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import zipfile
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import pytest

from loader.package import build
from loader.reference import universe
from testkit import realdata

BUDGET = {"zip_bytes": 5 * 1024 * 1024, "import_ms": 300, "peak_mib": 128}
_TIMED = """
import json, resource, sys, time
sys.path[:0] = {folder!r}
started = time.perf_counter()
{imports}
imported = time.perf_counter()
{code}
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print("@" + json.dumps([(imported - started) * 1000, (time.perf_counter() - imported) * 1000, peak]))
"""
_OURS = ("import loader.handler", "assert loader.handler.lambda_handler({}, None)['confirmed'] > 0")
_USUAL = (
    "import boto3, os, pandas, requests",
    """
firehose = boto3.client("firehose")
since = pandas.Timestamp.now("America/New_York").tz_localize(None) - pandas.Timedelta(days=int(os.environ["DAYS"]))
for symbol in os.environ["TICKERLAKE_SYMBOLS"].split(","):
    query = {"function": "TIME_SERIES_INTRADAY", "symbol": symbol, "interval": "1min", "outputsize": "full"}
    body = requests.get(os.environ["TICKERLAKE_ALPHAVANTAGE_URL"] + "/query", query, timeout=30).json()
    frame = pandas.DataFrame.from_dict(body["Time Series (1min)"], orient="index").astype(float)
    frame.index = pandas.to_datetime(frame.index)
    frame.columns = ["open", "high", "low", "close", "volume"]
    frame = frame[frame.index >= since].reset_index(names="timestamp").assign(symbol=symbol)
    records = [{"Data": row + "\\n"} for row in frame.to_json(orient="records", lines=True).splitlines()]
    for start in range(0, len(records), 500):
        firehose.put_record_batch(DeliveryStreamName="bars", Records=records[start : start + 500])
""",
)


def vendor_body(last_day: date) -> bytes:
    """A month of one symbol's recorded minutes as Alpha Vantage answers, the newest moved to `last_day`."""
    with gzip.open(realdata.path("minute/av_1min_ext_2020q4/TSLA.csv.gz"), "rt") as file:
        rows = [(datetime.fromisoformat(row[0]), row[1:6]) for row in csv.reader(file) if row[0][:2] == "20"]
    newest = max(at for at, _ in rows)
    month = [(at, values) for at, values in rows if at > newest - timedelta(days=30)]
    names = ("1. open", "2. high", "3. low", "4. close", "5. volume")
    series = {
        str(at + (last_day - newest.date())): dict(zip(names, values, strict=True))
        for at, values in sorted(month, reverse=True)
    }
    meta = {"1. Information": "Intraday", "4. Interval": "1min", "5. Output Size": "Full", "6. Time Zone": "US/Eastern"}
    return json.dumps({"Meta Data": meta, "Time Series (1min)": series}, indent=4).encode()


class FakeServices:
    """The server: GET /query is the vendor, other paths are S3's, a POST is Firehose's."""

    def __init__(self, body: bytes) -> None:
        self.objects: dict[str, bytes] = {}
        self.records = self.lines = self.billed = 0
        services = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                if parts.path == "/query":
                    self.answer(200, body)
                elif parts.path in services.objects:
                    self.answer(200, services.objects[parts.path])
                else:
                    self.answer(404, b"<Error><Code>NoSuchKey</Code></Error>")

            def do_PUT(self) -> None:
                services.objects[urlsplit(self.path).path] = self.rfile.read(int(self.headers["Content-Length"]))
                self.answer(200, b"")

            def do_POST(self) -> None:
                import base64

                records = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["Records"]
                for record in records:
                    data = base64.b64decode(record["Data"])
                    services.records += 1
                    services.lines += data.count(b"\n")
                    services.billed += -(-len(data) // 5120) * 5120
                answers = [{"RecordId": "1"}] * len(records)
                self.answer(200, json.dumps({"FailedPutCount": 0, "RequestResponses": answers}).encode())

            def answer(self, status: int, content: bytes) -> None:
                self.send_response(status)
                self.send_header("ETag", '"1"')
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                """Stay quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"


def measure(
    services: FakeServices, work: tuple[str, str], days: str, folder: Path | None, runs: int = 5
) -> dict[str, Any]:
    """Return median milliseconds and peak MiB of one kind of handler, and what Firehose received."""
    environment = os.environ | {
        "AWS_ENDPOINT_URL": services.url,
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_LAMBDA_FUNCTION_NAME": "loader",
        "TICKERLAKE_STATE_BUCKET": "state",
        "TICKERLAKE_PROVIDER": "alphavantage",
        "TICKERLAKE_ALPHAVANTAGE_URL": services.url,
        "TICKERLAKE_SINK": "firehose",
        "TICKERLAKE_ALPHAVANTAGE_KEY": "a-key-of-sixteen",
        "TICKERLAKE_ALPHAVANTAGE_LIMITS": "none",
        "TICKERLAKE_SYMBOLS": ",".join(universe()),
        "TICKERLAKE_DAYS": days,
        "DAYS": days,
        **{f"TICKERLAKE_STREAM_{name}": "s" for name in ("BARS", "DAILY_BARS", "CORPORATE_ACTIONS", "LOADER_RUNS")},
    }
    code = _TIMED.format(folder=[str(folder)] if folder else [], imports=work[0], code=work[1])
    runs_measured = []
    for _ in range(runs):
        services.objects.clear()
        services.records = services.lines = services.billed = 0
        command = [sys.executable, "-I", "-c", code]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        runs_measured.append(json.loads(done.stdout.rpartition("@")[2]))
    return {
        "import_ms": round(statistics.median(run[0] for run in runs_measured)),
        "fetch_ten_symbols_ms": round(statistics.median(run[1] for run in runs_measured)),
        "peak_mib": round(max(run[2] for run in runs_measured)),
        "lines": services.lines,
        "firehose_records": services.records,
        "firehose_billed_bytes": services.billed,
    }


def main() -> None:
    try:
        body = vendor_body(datetime.now(UTC).date() - timedelta(days=1))
    except pytest.skip.Exception as missing:
        sys.exit(str(missing))
    services = FakeServices(body)
    with tempfile.TemporaryDirectory() as folder:
        size = build(Path(folder) / "loader.zip")
        with zipfile.ZipFile(Path(folder) / "loader.zip") as archive:
            archive.extractall(Path(folder) / "task")
        days = sys.argv[1] if len(sys.argv) > 1 else "1"
        ours, usual = measure(services, _OURS, days, Path(folder) / "task"), measure(services, _USUAL, days, None)
    ratios = {name: round(usual[name] / ours[name], 2) for name in ours}
    print(
        json.dumps(
            {
                "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores shared with other work, "
                f"Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}",
                "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
                "zip_bytes": size,
                "days": int(days),
                "vendor_body_bytes": len(body),
                "loader": ours,
                "pandas_and_boto3": usual,
                "ratio_pandas_to_loader": ratios,
            },
            indent=2,
        )
    )
    spent = {"zip_bytes": size, **ours}
    over = [f"{name} {spent[name]:,} of {allowed:,}" for name, allowed in BUDGET.items() if spent[name] > allowed]
    if over:
        sys.exit(f"over budget: {', '.join(over)}")


if __name__ == "__main__":
    main()
