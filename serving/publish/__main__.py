"""Copy the published release to PostgreSQL: `DATABASE_URL=... python -m serving.publish`."""

import argparse
import sys
from pathlib import Path

from serving.api.store import LakeStore
from serving.publish.postgres import READERS, copy
from serving.source import Source
from tickerlake import lake
from tickerlake.errors import UserError


def main(arguments: list[str] | None = None) -> int:
    """Copy, and say what changed. Returns 0 when PostgreSQL holds the release, 2 when it is as it was."""
    parser = argparse.ArgumentParser(
        prog="python -m serving.publish",
        description="Bring the PostgreSQL of DATABASE_URL to the published release, in one transaction.",
        epilog="Exit codes: 0 done, 2 nothing was changed.",
    )
    parser.add_argument(
        "--lake", type=Path, default=lake.folder(), help="folder of the lake (default: TICKERLAKE_LAKE)"
    )
    parser.add_argument(
        "--athena",
        action="store_true",
        help="copy what Athena publishes (TICKERLAKE_PUBLISHED_SCHEMA) instead of a lake",
    )
    parser.add_argument("--reader", action="append", help="a role that may read (default: anon and authenticated)")
    options = parser.parse_args(arguments)
    try:
        lines = copy(_source(options), options.reader or READERS)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print("\n".join(lines))
    return 0


def _source(options: argparse.Namespace) -> Source:
    if options.athena:
        from serving.publish.athena import AthenaSource

        return AthenaSource()
    return LakeStore(options.lake).release()


if __name__ == "__main__":
    sys.exit(main())
