"""The frame of every command line here: one form for errors, one meaning for each exit code."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from tickerlake import paths
from tickerlake.errors import UserError

EXIT_DONE, EXIT_FAILED, EXIT_UNUSABLE, EXIT_INTERRUPTED = 0, 1, 2, 130
EXIT_CODES = """\b
Exit codes:
  0    done
  1    it ran, but a check, test, request or delivery failed; what succeeded is kept
  2    nothing was done: the message says which argument, setting or input to fix
  130  stopped by Ctrl-C; the same command can be repeated
"""
"""The meaning of exit codes, as an epilog for `--help`."""


class LakeFolder(click.ParamType[Path]):
    """The folder of a lake, as `tickerlake.paths.folder` returns it."""

    name = "folder"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the folder. Raises UserError as `tickerlake.paths.folder`."""
        return paths.folder(value)


class _ExitCodes(click.Command):
    """A command whose function returns its exit code (None counts as 0).

    A UserError becomes one line on standard error and exit code 2, Ctrl-C exit code 130.
    """

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command and exit with its code."""
        try:
            ctx.exit(super().invoke(ctx) or EXIT_DONE)
        except UserError as error:
            click.echo(f"error: {error}", err=True)
            ctx.exit(EXIT_UNUSABLE)
        except KeyboardInterrupt:
            click.echo("stopped by Ctrl-C", err=True)
            ctx.exit(EXIT_INTERRUPTED)


class Command(_ExitCodes):
    """A command line without subcommands."""


class Group(_ExitCodes, click.Group):
    """A command line with subcommands, each of which returns its exit code."""


def run(command: click.Command, arguments: Sequence[str] | None, program: str) -> int:
    """Run a command line and return its exit code instead of ending the process.

    `arguments` are those of the process when None; `program` is the name that `--help` shows.
    """
    try:
        command.main(args=None if arguments is None else list(arguments), prog_name=program)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else EXIT_FAILED
    except UserError as error:  # of an option's value: it is read before the command is invoked
        click.echo(f"error: {error}", err=True)
        return EXIT_UNUSABLE
    return EXIT_DONE
