"""Command line of the loader: `python -m loader --help`."""

import sys
from collections.abc import Sequence

import click

from loader.commands.backfill import backfill
from loader.commands.describe import describe
from loader.commands.doctor import doctor
from loader.commands.fetch import fetch
from loader.commands.options import examples
from loader.commands.replay import replay
from loader.commands.resend_dead_letters import resend_dead_letters
from loader.commands.simulate import simulate
from loader.commands.watch import watch
from tickerlake.cli import Group, run


@click.group(
    cls=Group,
    epilog=examples("doctor", "simulate --symbols TSLA --sessions 2", "fetch --provider yahoo --symbols TSLA,NVDA"),
)
def cli() -> None:
    """Land vendor bars as raw JSON lines; `make build` turns them into tables."""


for command in (describe, replay, fetch, backfill, watch, resend_dead_letters, doctor, simulate):
    cli.add_command(command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Returns its exit code (see `--help`)."""
    return run(cli, arguments, "python -m loader")


if __name__ == "__main__":
    sys.exit(main())
