"""`python -m local_aws`: start, print the environment to use, end with the terminal or the parent process."""

import argparse
import json
import sys

from local_aws.artifacts import trino_home
from local_aws.errors import LocalAwsError
from local_aws.server import ServerSettings, run


def main(arguments: list[str] | None = None) -> int:
    """Run until Ctrl-C. Returns 2 when it cannot start."""
    options = _parser().parse_args(arguments)
    try:
        trino_home()
        if options.fetch_only:
            return 0
        settings = ServerSettings(
            options.port, options.region, options.heap, tuple(options.bucket), options.dynamic_filtering
        )
        run(settings, _as_json if options.json else _as_exports, until_eof=options.until_eof)
    except LocalAwsError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _as_json(environment: dict[str, str]) -> None:
    print(json.dumps(environment), flush=True)


def _as_exports(environment: dict[str, str]) -> None:
    for name, value in environment.items():
        print(f"export {name}={value}")
    print("# in another terminal; Ctrl-C here ends everything", flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m local_aws", description="An AWS on 127.0.0.1 whose Athena is a Trino."
    )
    parser.add_argument(
        "--port", type=int, default=15000, help="port of the endpoint, 0 for any free one (default: 15000)"
    )
    parser.add_argument("--region", default="us-east-1")
    parser.add_argument("--heap", default="2g", help="Trino's -Xmx, at most 4g (default: 2g)")
    parser.add_argument("--bucket", action="append", default=[], help="S3 bucket to create at the start; repeatable")
    parser.add_argument(
        "--dynamic-filtering",
        action="store_true",
        help="let Trino skip files by values it finds while running; off by default, as Athena may not do it",
    )
    parser.add_argument("--fetch-only", action="store_true", help="fetch and check what is needed, then end")
    parser.add_argument("--json", action="store_true", help="print the environment as one JSON line")
    parser.add_argument(
        "--until-eof", action="store_true", help="end when standard input does, that is with the caller"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
