"""Command line of the pipeline: `python -m pipeline --help`."""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb

from loader import store
from loader.__main__ import main as loader_main
from pipeline import job, summary
from pipeline.build import Report, build
from pipeline.dbt import Dbt
from pipeline.maintain import maintain
from serving.answers import render_answers
from tickerlake import lake
from tickerlake.errors import UserError


def main(arguments: list[str] | None = None) -> int:
    """Run one command. Returns 0 when all went well, 1 when a test or model failed, 2 when nothing could be done."""
    options = _parser().parse_args(arguments)
    if options.lake:
        os.environ["TICKERLAKE_LAKE"] = options.lake
    os.environ["TICKERLAKE_LAKE"] = str(lake.folder())
    os.environ["TICKERLAKE_EXTENSIONS"] = str(lake.extensions())
    try:
        return int(options.run(options))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def _build(options: argparse.Namespace) -> int:
    return _announce(build(Dbt(options.target), full_refresh=options.full_refresh, selector=options.selector))


def _maintain(options: argparse.Namespace) -> int:
    for line in maintain(Dbt(options.target)):
        print(line, flush=True)
    return 0


def _job(options: argparse.Namespace) -> int:
    dbt = Dbt(options.target)
    record = job.Job(store.choose(lake.folder()), options.selector)
    client: Any = None
    if dbt.adapter() == "athena":
        import boto3

        client = boto3.client
    copies = _copy_of(dbt) if options.copy else None
    return _announce(job.run(dbt, record, maintains=options.maintain, client=client, copies=copies))


def _copy_of(dbt: Dbt) -> Callable[[], list[str]]:
    """Give what brings PostgreSQL to the release. Raises UserError at once where no DATABASE_URL says which."""
    from serving.api.store import LakeStore  # serving is a layer above: only this step needs it
    from serving.publish import postgres

    postgres.database_url()
    if dbt.adapter() == "athena":
        from serving.publish.athena import AthenaSource

        return lambda: postgres.copy(AthenaSource())
    return lambda: postgres.copy(LakeStore(lake.folder()).release())


def _demo(options: argparse.Namespace) -> int:
    """Land two deliveries of simulated bars with faults, build after each, and show what came out."""
    started = time.monotonic()
    dbt = Dbt("local")
    for part in ("1/2", "2/2"):
        print(f"Delivery {part}: ", end="", flush=True)
        landed = loader_main(["simulate", "--faults", "--history", "300", "--part", part, "--lake", str(lake.folder())])
        if landed or _announce(build(dbt)):
            return 1
    print(f"\n{summary.text()}\n\nDone in {time.monotonic() - started:.0f} s.")
    return 0


def _answers(options: argparse.Namespace) -> int:
    print(render_answers(lake.folder(), Path(options.pictures) if options.pictures else lake.folder() / "answers"))
    return 0


def _sql(options: argparse.Namespace) -> int:
    folder = lake.folder()
    if not options.query:
        return _shell(folder, _catalog(options))
    with lake.connect(folder, _catalog(options)) as connection:
        try:
            answer = connection.sql(options.query)
        except duckdb.Error as error:
            raise UserError(" ".join(str(error).split())) from None
        if answer is not None:
            answer.show(max_rows=100)
    return 0


def _catalog(options: argparse.Namespace) -> str:
    return lake.CATALOG if options.working else lake.PUBLISHED


def _shell(folder: Path, catalog: str) -> int:
    lake.connect(folder, catalog).close()
    start = ["-cmd", f"set extension_directory = '{lake.extensions()}'"]
    for statement in lake.attach_statements(folder, catalog):
        start += ["-cmd", statement]
    return subprocess.run([str(Path(sys.executable).parent / "duckdb"), *start], check=False).returncode


def _announce(report: Report) -> int:
    for problem in report.problems:
        print(f"FAILED {problem}", file=sys.stderr)
    if report.problems:
        print("not published: readers see the last release that passed", file=sys.stderr)
        return 1
    warned = f" ({report.warnings} warned)" if report.warnings else ""
    print(f"built {report.models} models, passed {report.tests} tests{warned} in {report.seconds:.1f} s, published")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m pipeline",
        description="Build the warehouse from what has landed, test it, and publish it.",
        epilog="Exit codes: 0 done, 1 a model or test failed and nothing was published, 2 nothing could be done.",
    )
    parser.add_argument("--lake", help="folder of the lake (default: TICKERLAKE_LAKE, else lake/)")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    building = commands.add_parser("build", help="build, test, publish")
    building.add_argument("--target", help="dbt target (default: the profile's)")
    building.add_argument("--full-refresh", action="store_true", help="build everything again from raw")
    building.add_argument("--selector", default="", help="of selectors.yml: intraday or nightly (default: everything)")
    building.set_defaults(run=_build)
    maintaining = commands.add_parser("maintain", help="pack files and delete what no release needs, after publishing")
    maintaining.add_argument("--target", help="dbt target (default: the profile's)")
    maintaining.set_defaults(run=_maintain)
    scheduled = commands.add_parser(
        "job", help="what the schedule runs: build, test, publish, maintain, copy, with a record"
    )
    scheduled.add_argument("--target", help="dbt target (default: the profile's)")
    scheduled.add_argument("--selector", default="", help="of selectors.yml: intraday or nightly (default: everything)")
    scheduled.add_argument("--maintain", action="store_true", help="maintain the tables after publishing")
    scheduled.add_argument("--copy", action="store_true", help="bring the PostgreSQL of DATABASE_URL to the release")
    scheduled.set_defaults(run=_job)
    demo = commands.add_parser("demo", help="two deliveries of simulated bars, built and summed up")
    demo.set_defaults(run=_demo)
    asking = commands.add_parser("answers", help="answer the five questions of analyses/, with a picture each")
    asking.add_argument("--pictures", help="folder for the pictures (default: answers/ in the lake)")
    asking.set_defaults(run=_answers)
    querying = commands.add_parser("sql", help="run a query on the published tables, or open a shell")
    querying.add_argument("query", nargs="?", help="SQL; without it, a DuckDB shell")
    querying.add_argument("--working", action="store_true", help="the tables of the last run, tested or not")
    querying.set_defaults(run=_sql)
    return parser


if __name__ == "__main__":
    sys.exit(main())
