"""Serve the API and the page on this machine: `python -m serving.api --help`."""

import argparse
import socket
import sys
from pathlib import Path

import uvicorn

from serving.api.app import create_app
from serving.api.store import LakeStore, Store
from serving.publish.postgres import database_url
from tickerlake import lake
from tickerlake.errors import UserError


def main(arguments: list[str] | None = None) -> int:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m serving.api", description="Serve the published tables over HTTP.")
    parser.add_argument(
        "--lake", type=Path, default=lake.folder(), help="folder of the lake (default: TICKERLAKE_LAKE, else lake/)"
    )
    parser.add_argument(
        "--postgres", action="store_true", help="serve the copy in the PostgreSQL of DATABASE_URL instead"
    )
    parser.add_argument("--port", type=int, default=8321, help="port on 127.0.0.1 (default: 8321; 0 picks a free one)")
    parser.add_argument(
        "--rate", type=float, default=50, help="requests a second and client; 0 is no limit (default: 50)"
    )
    options = parser.parse_args(arguments)
    try:
        store, name = _store(options)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    # bound here, so that port 0 can be told; named as TCP, so that asyncio switches Nagle's algorithm off
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind(("127.0.0.1", options.port))
            listening.listen(128)  # so that who reads the line below can already connect
        except OSError as error:
            print(
                f"error: port {options.port} cannot be had: {error.strerror}; choose another with --port",
                file=sys.stderr,
            )
            return 2
        print(f"serving {name} on http://127.0.0.1:{listening.getsockname()[1]}/ (Ctrl-C ends it)", flush=True)
        server = uvicorn.Server(uvicorn.Config(create_app(store, rate=options.rate), log_level="warning"))
        server.run(sockets=[listening])
    return 0


def _store(options: argparse.Namespace) -> tuple[Store, str]:
    if options.postgres:
        from serving.api.postgres import PostgresStore

        return PostgresStore(database_url()), "PostgreSQL"
    if not (options.lake / lake.PUBLISHED).exists():
        print(f"nothing is published in '{options.lake}' yet: `make demo` or `make build` does; serving all the same")
    return LakeStore(options.lake), f"'{options.lake}'"


if __name__ == "__main__":
    sys.exit(main())
