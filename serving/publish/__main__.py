"""Copy the published release to PostgreSQL: `DATABASE_URL=... python -m serving.publish`."""

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from serving.api.store import LakeStore
from serving.publish.postgres import READERS, copy
from serving.release_source import ReleaseSource
from tickerlake import lake
from tickerlake.cli import EXIT_CODES, Command, LakeFolder, run


@click.command(cls=Command, epilog=EXIT_CODES)
@click.option(
    "--lake",
    "folder",
    type=LakeFolder(),
    default=lake.folder,
    help="Folder of the lake (default: TICKERLAKE_LAKE, else lake/).",
)
@click.option(
    "--athena", is_flag=True, help="Copy the release published on Athena (TICKERLAKE_PUBLISHED_SCHEMA) instead."
)
@click.option("--reader", "readers", multiple=True, help="A role that may read (default: anon and authenticated).")
def cli(folder: Path, athena: bool, readers: tuple[str, ...]) -> None:
    """Copy the published release to the PostgreSQL of DATABASE_URL, in one transaction."""
    for line in copy(_open_source(folder, is_on_athena=athena), readers or READERS):
        click.echo(line)


def _open_source(folder: Path, *, is_on_athena: bool) -> ReleaseSource:
    if is_on_athena:
        from serving.publish.athena import AthenaSource  # needs pyathena, which comes with dbt-athena alone

        return AthenaSource()
    return LakeStore(folder).release()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    return run(cli, arguments, "python -m serving.publish")


if __name__ == "__main__":
    sys.exit(main())
