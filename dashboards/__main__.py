"""Command line of the dashboards: `python -m dashboards --help`."""

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from dashboards import apply_metabase, grafana, metabase, powerbi, superset
from tickerlake import cli
from tickerlake.errors import UserError
from tickerlake.lake import PROJECT

RENDERED = PROJECT / "target" / "dashboards"


def render_all() -> dict[Path, str]:
    """Return the text of every tool's files by path: `grafana/…`, `metabase/…`, `powerbi/…`, `superset/…`."""
    tools = {tool.__name__.rpartition(".")[2]: tool.render() for tool in (grafana, metabase, powerbi, superset)}
    return {Path(tool) / path: text for tool, files in tools.items() for path, text in files.items()}


def write(files: Mapping[Path, str], folder: Path) -> None:
    """Write files below `folder`, which is emptied first."""
    shutil.rmtree(folder, ignore_errors=True)
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)


@click.group(cls=cli.Group, epilog=cli.EXIT_CODES)
def command() -> None:
    """Render the cards and dashboards for Grafana, Metabase, Superset and Power BI."""


@command.command()
@click.option(
    "--folder", type=click.Path(file_okay=False, path_type=Path), default=RENDERED, help="default: target/dashboards"
)
def render(folder: Path) -> None:
    """Write every tool's files into a folder, which is emptied first."""
    files = render_all()
    write(files, folder)
    click.echo(f"{len(files)} files in {folder}")


@command.command("apply-metabase")
@click.option("--database", default="tickerlake", help="the database's name in Metabase", show_default=True)
def apply_to_metabase(database: str) -> int:
    """Create or update the cards and dashboards in METABASE_URL, with METABASE_API_KEY."""
    address, key = os.environ.get("METABASE_URL", ""), os.environ.get("METABASE_API_KEY", "")
    if not (address and key):
        raise UserError("METABASE_URL or METABASE_API_KEY is not set: set both")
    descriptions = apply_metabase.read_descriptions()
    try:
        client = apply_metabase.MetabaseClient(address, key)
        source = apply_metabase.database_id(client, database)
        dashboards = apply_metabase.apply(client, source)
        changed = apply_metabase.describe(client, source, descriptions)
    except apply_metabase.MetabaseError as error:
        click.echo(f"error: {error}", err=True)
        return cli.EXIT_FAILED
    click.echo(f"{changed} descriptions and types changed")
    for name, number in dashboards.items():
        click.echo(f"{name}: {address.rstrip('/')}/dashboard/{number}")
    return cli.EXIT_DONE


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    return cli.run(command, arguments, "python -m dashboards")


if __name__ == "__main__":
    sys.exit(main())
