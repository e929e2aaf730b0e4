"""Month, day or symbol and month: what each partitioning of a year of bars makes a statement read.

`python -m benchmarks.partition_grain` lands a year of ten simulated symbols, copies it into one Iceberg table per
grain, and runs the statements that decide: the merge of a day, the correction of one bar, the reading of a day and of a
symbol's year.
"""

import argparse
import json
import sys
from typing import Any

from benchmarks.usual_designs import land
from local_aws.testing import local_aws
from pipeline.athena_cost import list_statements
from testkit.athena import RESULTS, WAREHOUSE, AthenaWarehouse
from tickerlake.lake import PROJECT

RESULT = PROJECT / "benchmarks" / "results" / "partition_grain.json"
_GRAINS = {
    "month": "'month(bar_date)'",
    "day": "'bar_date'",
    "symbol_month": "'symbol', 'month(bar_date)'",
}
_BARS = """
select symbol, cast(substr(bar_start, 1, 10) as date) as bar_date,
  cast(from_iso8601_timestamp(bar_start) as timestamp(6)) as bar_start_at,
  cast(open as decimal(18, 8)) as open, cast(high as decimal(18, 8)) as high, cast(low as decimal(18, 8)) as low,
  cast(close as decimal(18, 8)) as close, cast(volume as decimal(18, 4)) as volume
from usual.raw
"""
_MERGE = """
merge into usual.{table} as target using (select * from usual.{table} where {rows}) as src
on target.symbol = src.symbol and target.bar_start_at = src.bar_start_at and target.bar_date = src.bar_date
  and target.bar_date >= date '{floor}'
when matched then update set close = src.close + 1
"""


def main(arguments: list[str] | None = None) -> int:
    """Measure each grain and print what was scanned."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.partition_grain", description=__doc__)
    parser.add_argument("--sessions", type=int, default=252, help="sessions of history (default: 252, a year)")
    parser.add_argument("--save", action="store_true", help=f"write {RESULT.name}")
    options = parser.parse_args(arguments)
    with local_aws(options=["--bucket", RESULTS, "--bucket", WAREHOUSE, "--heap", "3g"]) as aws:
        athena = AthenaWarehouse("grains", aws.environment)
        figures = {"sessions": options.sessions, **land(athena, options.sessions), **measure(athena)}
    print(json.dumps(figures, indent=1))
    if options.save:
        RESULT.write_text(json.dumps(figures, indent=1) + "\n")
    return 0


def measure(athena: AthenaWarehouse) -> dict[str, Any]:
    """Copy usual.raw by each grain. Return files, bytes and what each statement scanned, in bytes."""
    first, last = athena.query("select min(substr(bar_start, 1, 10)), max(substr(bar_start, 1, 10)) from usual.raw")[0]
    months = [row[0] for row in athena.query("select distinct substr(dt, 1, 7) from usual.raw order by 1")]
    figures = {}
    for grain, partitioning in _GRAINS.items():
        table = f"by_{grain}"
        create_table = (
            f"create table usual.{table} with (table_type = 'ICEBERG', is_external = false, "
            f"location = 's3://{WAREHOUSE}/usual/{table}', partitioning = array[{partitioning}]) as {_BARS}"
        )
        for number, month in enumerate(months):  # at most 100 partitions may be open in one statement
            rows = f"where dt like '{month}%'"
            athena.query(f"insert into usual.{table} {_BARS} {rows}" if number else f"{create_table} {rows}")
        files, size = athena.query(f'select count(*), sum(file_size_in_bytes) from "usual"."{table}$files"')[0]
        figures[grain] = {"files": files, "bytes": size} | {
            name: _scanned(athena, sql)
            for name, sql in {
                "one_day": f"select count(*), sum(close) from usual.{table} where bar_date = date '{last}'",
                "one_symbols_year": f"select sum(close), sum(volume) from usual.{table} where symbol = 'TSLA'",
                "merge_of_a_day": _MERGE.format(table=table, rows=f"bar_date = date '{last}'", floor=last),
                "merge_of_an_old_bar": _MERGE.format(
                    table=table, rows=f"bar_date = date '{first}' and symbol = 'TSLA'", floor=first
                ),
            }.items()
        }
    return figures


def _scanned(athena: AthenaWarehouse, sql: str) -> int:
    client = athena.client("athena")
    before = {statement["QueryExecutionId"] for statement in list_statements(client, set())}
    athena.query(sql)
    return sum(int(statement["Statistics"]["DataScannedInBytes"]) for statement in list_statements(client, before))


if __name__ == "__main__":
    sys.exit(main())
