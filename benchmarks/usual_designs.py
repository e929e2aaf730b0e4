"""The usual public designs on the same Trino: what a day costs them, in statements and bytes, beside this project's.

`python -m benchmarks.usual_designs` lands a year of ten simulated symbols at one minute, as gzipped JSON lines by date,
and runs two designs for price change, moving averages, volume spikes and anomalies:

* self-joins: each answer is a query over the raw JSON that numbers the bars and joins them with themselves;
* full rebuild: every day each table is dropped and made again from the raw JSON by CREATE TABLE AS.

This project's own day is in results/cost.json (`make cost`); docs/cost.md sets them side by side.
"""

import argparse
import gzip
import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

from local_aws.testing import local_aws
from pipeline.athena_cost import Cost, Prices, list_statements
from testkit.athena import RESULTS, WAREHOUSE, AthenaWarehouse
from tickerlake.lake import PROJECT

RESULT = PROJECT / "benchmarks" / "results" / "usual_designs.json"
_COLUMNS = ("symbol", "bar_start", "open", "high", "low", "close", "volume")
_NUMBERED = """
with numbered as (
  select symbol, bar_start, cast(close as double) as close, cast(volume as double) as volume,
    row_number() over (partition by symbol order by bar_start) as n
  from usual.raw
)
"""
SELF_JOINS = {
    "price_change": _NUMBERED
    + """
select count(*), sum((now.close - before.close) / before.close * 100)
from numbered as now join numbered as before on before.symbol = now.symbol and before.n = now.n - 1
""",
    "moving_average": _NUMBERED
    + """
select count(*), sum(average) from (
  select now.symbol, now.n, avg(before.close) as average
  from numbered as now join numbered as before on before.symbol = now.symbol and before.n between now.n - 19 and now.n
  group by now.symbol, now.n
)
""",
    "volume_spike": _NUMBERED
    + """
select count(*) from (
  select now.symbol, now.n, max(now.volume) as volume, avg(before.volume) as mean
  from numbered as now join numbered as before
    on before.symbol = now.symbol and before.n between now.n - 3 and now.n - 1
  group by now.symbol, now.n
) where volume > 2 * mean
""",
    "anomaly": _NUMBERED
    + """
select count(*)
from numbered as now join numbered as before on before.symbol = now.symbol and before.n = now.n - 1
where abs(now.close - before.close) / before.close > 0.05
""",
}
_SERIES = "over (partition by symbol order by bar_start"
FULL_REBUILD = {
    "price_change": f"select symbol, bar_start, close, close - lag(close) {_SERIES}) as change from bars",
    "moving_average": f"select symbol, bar_start, close, avg(close) {_SERIES} rows 4 preceding) as sma_5, "
    f"avg(close) {_SERIES} rows 19 preceding) as sma_20 from bars",
    "volume_spike": f"select symbol, bar_start, volume, "
    f"avg(volume) {_SERIES} rows between 3 preceding and 1 preceding) as mean from bars",
    "anomaly": f"select * from (select symbol, bar_start, close / lag(close) {_SERIES}) - 1 as change from bars) "
    "where abs(change) > 0.05",
}
_BARS = """
with bars as (
  select symbol, bar_start, cast(close as double) as close, cast(volume as double) as volume from usual.raw
)
"""
_RAW = f"""
create external table usual.raw ({", ".join(f"{name} string" for name in _COLUMNS)}) partitioned by (dt string)
row format serde 'org.openx.data.jsonserde.JsonSerDe' location 's3://{WAREHOUSE}/usual/raw/'
tblproperties (
  'projection.enabled' = 'true', 'projection.dt.type' = 'date', 'projection.dt.format' = 'yyyy-MM-dd',
  'projection.dt.range' = '2024-01-01,2025-12-31', 'projection.dt.interval' = '1',
  'projection.dt.interval.unit' = 'DAYS')
"""


def main(arguments: list[str] | None = None) -> int:
    """Run both designs and print what a day of each costs."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.usual_designs", description=__doc__)
    parser.add_argument("--sessions", type=int, default=252, help="sessions of history (default: 252, a year)")
    parser.add_argument("--save", action="store_true", help=f"write {RESULT.name}")
    options = parser.parse_args(arguments)
    prices = Prices.read()
    with local_aws(options=["--bucket", RESULTS, "--bucket", WAREHOUSE, "--heap", "3g"]) as aws:
        figures = measure(AthenaWarehouse("usual", aws.environment), options.sessions, prices)
    print(json.dumps(figures, indent=1))
    if options.save:
        RESULT.write_text(json.dumps(figures, indent=1) + "\n")
    return 0


def measure(athena: AthenaWarehouse, sessions: int, prices: Prices) -> dict[str, Any]:
    """Land the history and run a day of each design. Return statements, bytes and dollars of both."""
    raw = land(athena, sessions)
    client, seen, figures = athena.client("athena"), set[str](), {}
    seen |= {statement["QueryExecutionId"] for statement in list_statements(client, seen)}
    for design, run in (("self_joins", _self_joins), ("full_rebuild", _full_rebuild)):
        run(athena)
        total = Cost()
        for statement in list_statements(client, seen):
            seen.add(statement["QueryExecutionId"])
            scanned = statement["Statistics"]["DataScannedInBytes"]
            total.add(
                scanned, prices.billed_bytes(statement["SubstatementType"], statement["Status"]["State"], scanned)
            )
        figures[design] = {
            "statements": total.statements,
            "scanned": total.scanned,
            "billed": total.billed,
            "dollars": round(prices.dollars(total.billed), 6),
        }
    return {"sessions": sessions, **raw, **figures}


def land(athena: AthenaWarehouse, sessions: int) -> dict[str, int]:
    """Put gzipped JSON lines by trading date where the usual table reads them. Return bars and bytes."""
    days: dict[str, list[str]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        command = ["simulate", "--first", "2024-01-02", "--sessions", str(sessions), "--lake", folder]
        subprocess.run([sys.executable, "-m", "loader", *command], check=True, stdout=subprocess.DEVNULL)
        for file in Path(folder).glob("raw/bars/*/*/*.ndjson.gz"):
            with gzip.open(file, "rt") as lines:
                for line in lines:
                    bar = json.loads(line)
                    days[bar["bar_start"][:10]].append(json.dumps({name: bar[name] for name in _COLUMNS}))
    s3, size = athena.client("s3"), 0
    for day, lines_of_day in days.items():
        body = gzip.compress("\n".join(lines_of_day).encode())
        size += len(body)
        s3.put_object(Bucket=WAREHOUSE, Key=f"usual/raw/dt={day}/bars.json.gz", Body=body)
    _run(athena, "create database if not exists usual")
    _run(athena, _RAW)
    return {"bars": sum(map(len, days.values())), "raw_bytes": size}


def _self_joins(athena: AthenaWarehouse) -> None:
    for sql in SELF_JOINS.values():
        _run(athena, sql)


def _full_rebuild(athena: AthenaWarehouse) -> None:
    for name, select in FULL_REBUILD.items():
        _run(athena, f"drop table if exists usual.{name}")
        place = f"s3://{WAREHOUSE}/usual/{name}/"
        _run(
            athena,
            f"create table usual.{name} with (format = 'PARQUET', external_location = '{place}') as {_BARS}{select}",
        )


def _run(athena: AthenaWarehouse, sql: str) -> None:
    athena.rows(sql)


if __name__ == "__main__":
    sys.exit(main())
