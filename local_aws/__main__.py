"""`python -m local_aws`: start, print the environment that clients need, end with Ctrl-C or the parent process."""

import json
import sys
from collections.abc import Sequence
from typing import Any

import click

from local_aws.artifacts import install_trino
from local_aws.errors import LocalAwsError, TrinoCrashedError
from local_aws.server import ServerSettings, run

EXIT_DONE, EXIT_FAILED, EXIT_UNUSABLE, EXIT_INTERRUPTED = 0, 1, 2, 130
_EXIT_CODES = """\b
Exit codes:
  0    ended by Ctrl-C, a signal, the parent process or the end of standard input
  1    it was up, but Trino ended again and again
  2    it did not start: the message says which argument or setting to fix
  130  stopped by Ctrl-C before it was up
"""


class _Command(click.Command):
    """A command whose errors become one message on standard error and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except LocalAwsError as error:
            click.echo(f"error: {error}", err=True)
            ctx.exit(EXIT_FAILED if isinstance(error, TrinoCrashedError) else EXIT_UNUSABLE)
        except KeyboardInterrupt:
            click.echo("stopped by Ctrl-C", err=True)
            ctx.exit(EXIT_INTERRUPTED)


@click.command(
    cls=_Command,
    help="Run a local AWS on 127.0.0.1: Athena's API on a Trino server, Glue, S3, STS and Firehose.",
    epilog=_EXIT_CODES,
    context_settings={"help_option_names": ["-h", "--help"], "show_default": True},
)
@click.option("--port", type=int, default=15000, help="Port of the endpoint; 0 is any free port.")
@click.option("--region", default="us-east-1", help="AWS region of the clients.")
@click.option("--heap", default="2g", help="Trino's -Xmx, at most 4g.")
@click.option("--bucket", "buckets", multiple=True, help="S3 bucket to create at the start; repeatable.")
@click.option(
    "--dynamic-filtering",
    is_flag=True,
    help="Let Trino skip files by values that it computes while it runs; off because AWS does not promise it.",
)
@click.option("--fetch-only", is_flag=True, help="Download and check Trino, then end.")
@click.option("--json", "as_json", is_flag=True, help="Print the environment as one line of JSON.")
@click.option("--until-eof", is_flag=True, help="End when standard input ends: with the process that holds it open.")
def command(
    port: int,
    region: str,
    heap: str,
    buckets: tuple[str, ...],
    dynamic_filtering: bool,
    fetch_only: bool,
    as_json: bool,
    until_eof: bool,
) -> None:
    """Serve until the end, or download what serving needs."""
    install_trino()
    if not fetch_only:
        settings = ServerSettings(port, region, heap, buckets, dynamic_filtering)
        run(settings, _print_json if as_json else _print_exports, until_eof=until_eof)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    try:
        command.main(args=None if arguments is None else list(arguments), prog_name="python -m local_aws")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else EXIT_FAILED
    return EXIT_DONE


def _print_json(environment: dict[str, str]) -> None:
    print(json.dumps(environment), flush=True)


def _print_exports(environment: dict[str, str]) -> None:
    for name, value in environment.items():
        print(f"export {name}={value}")
    print("# use these in another terminal; Ctrl-C here stops the local AWS", flush=True)


if __name__ == "__main__":
    sys.exit(main())
