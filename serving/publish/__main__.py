"""Copy the published release to PostgreSQL: `DATABASE_URL=... python -m serving.publish`."""

import argparse
import os
import sys
from pathlib import Path

import psycopg

from pipeline import lake
from pipeline.errors import PipelineError
from serving.api.store import Store
from serving.publish import postgres


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
    parser.add_argument("--reader", action="append", help="a role that may read (default: anon and authenticated)")
    options = parser.parse_args(arguments)
    try:
        if not os.environ.get("DATABASE_URL"):
            raise PipelineError("DATABASE_URL is not set: postgresql://user:password@host:5432/database")
        release = Store(options.lake).release()
        with postgres.connect(os.environ["DATABASE_URL"]) as connection:
            changes = postgres.publish(release, connection, options.reader or postgres.READERS)
    except PipelineError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except psycopg.Error as error:
        print(f"error: PostgreSQL refused: {str(error).splitlines()[0]}", file=sys.stderr)
        return 2
    for change in changes:
        if change.written or change.removed:
            print(f"{change.mart}: {change.written} written, {change.removed} removed")
    touched = sum(change.written + change.removed for change in changes)
    print(f"release {release.tag}: {len(changes)} tables, {touched} rows touched")
    return 0


if __name__ == "__main__":
    sys.exit(main())
