"""Command line of the pipeline: `python -m pipeline --help`.

Commands import what they need themselves: a build without news ends before dbt is imported.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipeline.landed import list_folder
from pipeline.last_build import compute_fingerprint, is_unchanged, read_record, write_record
from tickerlake import cli
from tickerlake import paths as lake
from tickerlake.errors import UserError

if TYPE_CHECKING:
    import duckdb

    from pipeline.build import BuildReport

_target = click.option("--target", help="dbt target (default: the profile's)")
_select = click.option("--select", multiple=True, help="what to plan, as in dbt (may be repeated)")
_selector = click.option(
    "--selector", default="", help="of selectors.yml: intraday or nightly (default: everything)", show_default=False
)


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code; see `tickerlake.cli`."""
    return cli.run(pipeline, arguments, "python -m pipeline")


@click.group(cls=cli.Group, epilog=cli.EXIT_CODES)
@click.option("--lake", "folder", help="folder of the lake (default: TICKERLAKE_LAKE, else lake/)")
def pipeline(folder: str | None) -> None:
    """Build the warehouse from the raw lines, test it, and publish it."""
    os.environ["TICKERLAKE_LAKE"] = str(lake.folder(folder))  # absolute: dbt changes the working directory
    os.environ["TICKERLAKE_EXTENSIONS"] = str(lake.extensions())


@pipeline.command("build")
@_target
@click.option("--full-refresh", is_flag=True, help="rebuild everything from raw")
@_selector
@click.option("--dry-run", is_flag=True, help="show what a build would do, as `plan` does")
@click.option("--always", is_flag=True, help="build even when nothing has changed since the last build")
def build_command(target: str | None, full_refresh: bool, selector: str, dry_run: bool, always: bool) -> int:
    """Build, test, publish; when nothing has changed since the last build, say so and do nothing."""
    if dry_run:
        return _print_plan(target, _selection((), selector), full_refresh=full_refresh, is_json=False)
    folder = lake.folder()
    raw, fingerprint = list_folder(folder / "raw"), compute_fingerprint(target)
    if not (always or full_refresh) and is_unchanged(folder, raw, fingerprint, selector):
        built_at = read_record(folder)["built_at"]
        print(f"nothing to build: raw, seeds, vars and code are those of {built_at}; --always builds again")
        return cli.EXIT_DONE
    from pipeline.build import build
    from pipeline.dbt import Dbt
    from pipeline.plan import list_landed, render_landed

    dbt = Dbt(target)
    is_one_machine = dbt.adapter() == "duckdb"
    if is_one_machine and raw:
        print(render_landed(list_landed(folder, raw)), flush=True)
    report = build(dbt, full_refresh=full_refresh, selector=selector)
    if is_one_machine and report.is_published:
        write_record(folder, raw, fingerprint, selector)
    return _print_report(report)


@pipeline.command("plan")
@_target
@click.option("--full-refresh", is_flag=True, help="as if everything were rebuilt from raw")
@_select
@_selector
@click.option("--json", "is_json", is_flag=True, help="print JSON")
def plan_command(target: str | None, full_refresh: bool, select: tuple[str, ...], selector: str, is_json: bool) -> int:
    """Show what a build would do, and change nothing: what has landed, what is incremental, rows, the price."""
    return _print_plan(target, _selection(select, selector), full_refresh=full_refresh, is_json=is_json)


def _selection(select: tuple[str, ...], selector: str) -> list[str]:
    if select and selector:
        raise UserError("--select and --selector exclude each other: pass one of them")
    return ["--select", *select] if select else ["--selector", selector] if selector else []


def _print_plan(target: str | None, selection: list[str], *, full_refresh: bool, is_json: bool) -> int:
    import boto3

    from pipeline.dbt import Dbt
    from pipeline.plan import compute_plan, plan_as_json, render_plan

    make_client: Any = boto3.client
    plan = compute_plan(Dbt(target), selection, full_refresh=full_refresh, make_client=make_client)
    print(plan_as_json(plan) if is_json else render_plan(plan))
    return cli.EXIT_DONE


@pipeline.command("maintain")
@_target
def maintain_command(target: str | None) -> None:
    """Compact files and delete what no release needs; run it after publishing."""
    from pipeline.dbt import Dbt
    from pipeline.maintain import maintain

    for line in maintain(Dbt(target)):
        print(line, flush=True)


@pipeline.command("job")
@_target
@_selector
@click.option("--maintain", "should_maintain", is_flag=True, help="maintain the tables after publishing")
@click.option("--copy", "should_copy", is_flag=True, help="bring the PostgreSQL of DATABASE_URL to the release")
def job_command(target: str | None, selector: str, should_maintain: bool, should_copy: bool) -> int:
    """Run what the schedule runs: build, test, publish, maintain, copy, with a record of each step."""
    import boto3

    from loader.store import store_from_environment
    from pipeline import job
    from pipeline.dbt import Dbt

    dbt = Dbt(target)
    is_on_aws = dbt.adapter() == "athena"
    return _print_report(
        job.run(
            dbt,
            job.ScheduledJob(store_from_environment(lake.folder()), selector),
            should_maintain=should_maintain,
            make_client=boto3.client if is_on_aws else None,  # type: ignore[arg-type]
            copy=_postgres_copy(is_on_aws=is_on_aws) if should_copy else None,
        )
    )


def _postgres_copy(*, is_on_aws: bool) -> Callable[[], list[str]]:
    """Return what brings PostgreSQL to the release. Raises UserError at once when DATABASE_URL is not set."""
    from serving.api.store import LakeStore
    from serving.publish import postgres
    from serving.publish.athena import AthenaSource

    postgres.database_url()
    if is_on_aws:
        return lambda: postgres.copy(AthenaSource())
    return lambda: postgres.copy(LakeStore(lake.folder()).release())


@pipeline.command("live")
@_target
@click.option("--provider", default="simulate", show_default=True, help="a vendor of the loader, or simulate")
@click.option("--symbols", default="", help="comma-separated (default: the curated universe)", show_default=False)
@click.option("--every", type=click.FloatRange(min=0), default=60.0, help="seconds between rounds (default: 60)")
@click.option("--speed", type=click.FloatRange(min=1), default=60.0, help="simulated minutes a minute (default: 60)")
@click.option("--rounds", type=click.IntRange(min=1), help="stop after so many rounds (default: never)")
@click.option("--port", type=click.IntRange(0, 65_535), help="serve the page and the API on this port, too")
def live_command(
    target: str | None,
    provider: str,
    symbols: str,
    every: float,
    speed: float,
    rounds: int | None,
    port: int | None,
) -> int:
    """Fetch, land, build, test and publish in one process, round after round; Ctrl-C ends it."""
    from loader.commands.options import parse_symbols
    from pipeline.live import build_live, make_feed, render_round, run_rounds, serve

    folder = lake.folder()
    live = build_live(folder, target, make_feed(folder, provider, parse_symbols(symbols), speed))
    with serve(folder, port):
        for finished in run_rounds(live, every, rounds):
            print(render_round(finished), flush=True)
    return cli.EXIT_DONE


@pipeline.command()
def demo() -> int:
    """Land two deliveries of simulated bars with faults, build after each, and print a summary."""
    from loader.commands.simulate import land_simulated
    from pipeline import summary
    from pipeline.build import build
    from pipeline.dbt import Dbt

    started = time.monotonic()
    dbt = Dbt("local")
    for part in (1, 2):
        print(f"Delivery {part}/2: ", end="", flush=True)
        if land_simulated(lake.folder(), part=(part, 2), history=300, has_faults=True) or _print_report(build(dbt)):
            return cli.EXIT_FAILED
    print(f"\n{summary.render_summary()}\n\nDone in {time.monotonic() - started:.0f} s.")
    return cli.EXIT_DONE


@pipeline.command("answers")
@click.option(
    "--pictures", type=click.Path(path_type=Path), help="folder for the pictures (default: answers/ in the lake)"
)
def answers_command(pictures: Path | None) -> None:
    """Answer the five questions, with a picture each."""
    from serving.answers import render_answers

    print(render_answers(lake.folder(), pictures or lake.folder() / "answers"))


@pipeline.command()
@click.argument("query", required=False)
@click.option("--working", "is_working", is_flag=True, help="query the tables of the last run, tested or not")
def sql(query: str | None, is_working: bool) -> int:
    """Run a query on the published tables, or open a DuckDB shell without one."""
    from tickerlake.lake import CATALOG, PUBLISHED, attach_statements, connect, quote

    folder, catalog = lake.folder(), CATALOG if is_working else PUBLISHED
    with connect(folder, catalog) as connection:
        if query:
            return _print_rows(connection, query)
    start = ["-cmd", f"set extension_directory = {quote(lake.extensions())}"]
    for statement in attach_statements(folder, catalog):
        start += ["-cmd", statement]
    return subprocess.run([str(Path(sys.executable).parent / "duckdb"), *start], check=False).returncode


def _print_rows(connection: "duckdb.DuckDBPyConnection", query: str) -> int:
    import duckdb

    try:
        relation = connection.sql(query)
    except duckdb.Error as error:
        raise UserError(" ".join(str(error).split())) from None
    if relation is not None:
        relation.show(max_rows=100)
    return cli.EXIT_DONE


def _print_report(report: "BuildReport") -> int:
    for problem in report.problems:
        print(f"FAILED {problem}", file=sys.stderr)
    if report.problems:
        print("not published: the published tables stay at the last release that passed", file=sys.stderr)
        return cli.EXIT_FAILED
    warned = f" ({report.warnings} warned)" if report.warnings else ""
    print(f"built {report.models} models, passed {report.tests} tests{warned} in {report.seconds:.1f} s, published")
    if report.refused:
        print(report.refused)
    return cli.EXIT_DONE


if __name__ == "__main__":
    sys.exit(main())
