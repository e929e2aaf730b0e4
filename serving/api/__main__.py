"""Serve the API and the page on this machine: `python -m serving.api --help`."""

import math
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

import click
import uvicorn

from serving.api.app import create_app
from serving.api.postgres import PostgresStore
from serving.api.store import LakeStore, ReleaseStore
from serving.publish.postgres import database_url
from tickerlake import lake
from tickerlake.cli import EXIT_CODES, Command, LakeFolder, run
from tickerlake.errors import UserError


@click.command(cls=Command, epilog=EXIT_CODES)
@click.option(
    "--lake",
    "folder",
    type=LakeFolder(),
    default=lake.folder,
    help="Folder of the lake (default: TICKERLAKE_LAKE, else lake/).",
)
@click.option("--postgres", is_flag=True, help="Serve the copy in the PostgreSQL of DATABASE_URL instead.")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=8321,
    show_default=True,
    help="Port on 127.0.0.1; 0 chooses a free one.",
)
@click.option(
    "--rate",
    type=click.FloatRange(min=0),
    default=50.0,
    show_default=True,
    help="Requests a second for each client; 0 means no limit.",
)
def cli(folder: Path, postgres: bool, port: int, rate: float) -> None:
    """Serve the published tables over HTTP until interrupted."""
    if not math.isfinite(rate):
        raise UserError(f"--rate is {rate}; pass requests a second, or 0 for no limit")
    store: ReleaseStore
    if postgres:
        store, name = PostgresStore(database_url()), "PostgreSQL"
    else:
        store, name = LakeStore(folder), f"'{folder}'"
        if not (folder / lake.PUBLISHED).exists():
            click.echo(f"nothing is published in '{folder}' yet: run `make demo` or `make build`; serving anyway")
    # uvicorn would bind too late to print a free port; asyncio disables Nagle's algorithm only for IPPROTO_TCP sockets
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
            listener.listen(128)  # before the line below, so that its reader can connect
        except OSError as error:
            raise UserError(f"cannot bind port {port}: {error.strerror}; pass another --port") from None
        click.echo(f"serving {name} on http://127.0.0.1:{listener.getsockname()[1]}/ (Ctrl-C stops it)")
        server = uvicorn.Server(uvicorn.Config(create_app(store, rate=rate), log_level="warning"))
        server.run(sockets=[listener])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    return run(cli, arguments, "python -m serving.api")


if __name__ == "__main__":
    sys.exit(main())
