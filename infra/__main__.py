"""Command line of the deployment: `python -m infra --help`; `make deploy ENV=dev` and similar targets call it."""

import os
import subprocess
import sys
from typing import Any

import click
from botocore.exceptions import BotoCoreError, ClientError

from infra.deployment import Deployment
from tickerlake import cli
from tickerlake.errors import UserError

_environment = click.argument("environment", metavar="ENV")


class _Group(cli.Group):
    """A group whose commands call AWS: an error of AWS counts as one that the user can fix."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command and exit with its code."""
        try:
            return super().invoke(ctx)
        except (ClientError, BotoCoreError) as error:
            click.echo(f"error: {error}", err=True)
            ctx.exit(cli.EXIT_UNUSABLE)


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code; see `tickerlake.cli`."""
    return cli.run(infra, arguments, "python -m infra")


@click.group(cls=_Group, epilog=cli.EXIT_CODES)
def infra() -> None:
    """Deploy, verify, run and remove a deployment. ENV is its name, such as dev."""


@infra.command()
@_environment
@click.argument("parameters", nargs=-1, metavar="[NAME=VALUE]...")
def deploy(environment: str, parameters: tuple[str, ...]) -> None:
    """Create or update the stack; NAME=VALUE sets a parameter of the template, others keep their values."""
    Deployment(environment).deploy(_parse_parameters(parameters))


def _parse_parameters(texts: tuple[str, ...]) -> dict[str, str]:
    for text in texts:
        if "=" not in text:
            raise UserError(f"cannot read the parameter {text}: no value; write {text}=value")
    return dict(text.split("=", 1) for text in texts)


@infra.command()
@_environment
def verify(environment: str) -> int:
    """Check the vendor's key, one line through a stream to Athena, and the alarms' subscribers."""
    return cli.EXIT_DONE if Deployment(environment).verify() else cli.EXIT_FAILED


@infra.command()
@_environment
@click.option("--selector", default="intraday", show_default=True, help="of selectors.yml: intraday or nightly")
def run(environment: str, selector: str) -> int:
    """Invoke the loader, then the transformation, and print a summary."""
    return cli.EXIT_DONE if Deployment(environment).run(selector) else cli.EXIT_FAILED


@infra.command(context_settings={"allow_interspersed_args": False, "ignore_unknown_options": True})
@_environment
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def loader(environment: str, arguments: tuple[str, ...]) -> int:
    """Run `python -m loader ARGUMENTS` with the deployment's streams and state bucket."""
    variables = os.environ | Deployment(environment).loader_environment()
    return subprocess.run([sys.executable, "-m", "loader", *arguments], env=variables, check=False).returncode


@infra.command()
@_environment
@click.option("--yes", "is_confirmed", is_flag=True, help="remove it; without this option, a dry run")
@click.option("--delete-data", "should_delete_data", is_flag=True, help="delete buckets and tables, too")
def destroy(environment: str, is_confirmed: bool, should_delete_data: bool) -> None:
    """Remove the stack; raw and tables stay unless --delete-data. A dry run unless --yes."""
    for variable in ("SURE", "DATA"):
        value = os.environ.get(variable, "")
        if value == "delete" or (value and variable == "SURE"):
            raise UserError(
                f"{variable} is no longer read: {value}; unset it and pass --yes, --delete-data "
                "(with make: YES=1 DELETE_DATA=1)"
            )
    Deployment(environment).remove(should_delete_data=should_delete_data, is_dry_run=not is_confirmed)
    if not is_confirmed:
        print("dry run: nothing was removed; pass --yes to remove it (with make: YES=1)")


if __name__ == "__main__":
    sys.exit(main())
