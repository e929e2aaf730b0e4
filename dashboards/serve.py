"""Start Superset with the dashboards, on 127.0.0.1: run by Superset's own Python, `make dashboards`."""

import os
import secrets
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from dashboards import superset
from tickerlake import cli, lake
from tickerlake.errors import UserError

_SUPERSET = Path(sys.executable).parent / "superset"


class SupersetError(Exception):
    """A command of Superset failed; the text is the end of its output."""


def prepare(home: Path, uri: str) -> None:
    """Create Superset's own database where there is none, and import the dashboards for a database at `uri`.

    Raises SupersetError.
    """
    if not (home / "ready").exists():
        click.echo("setting up Superset (about two minutes, once)")
        password = home / "password"
        password.touch(mode=0o600)
        password.write_text(secrets.token_urlsafe(12))
        _run("db", "upgrade")
        user = {"username": "admin", "firstname": "Local", "lastname": "Reader", "email": "admin@localhost"}
        options = [text for name, value in user.items() for text in (f"--{name}", value)]
        _run("fab", "create-admin", *options, "--password", password.read_text())
        _run("init")
        (home / "ready").touch()
    _import({str(path): text for path, text in superset.render(uri, kind="assets").items()})


def _import(files: dict[str, str]) -> None:
    """Replace what Superset has by the files, as its `import-…` commands do not."""
    from flask import g
    from superset.app import create_app

    with create_app().app_context():
        from superset import security_manager
        from superset.commands.importers.v1.assets import ImportAssetsCommand

        g.user = security_manager.find_user("admin")
        ImportAssetsCommand(files).run()


@click.command(cls=cli.Command, epilog=cli.EXIT_CODES)
@click.option("--port", type=int, default=8088, show_default=True)
@click.option("--uri", default="duckdb:///:memory:", show_default=True, help="SQLAlchemy's URI of the published views")
def command(port: int, uri: str) -> int:
    """Start Superset with the dashboards, until Ctrl-C."""
    if uri.startswith("duckdb") and not (lake.folder() / lake.PUBLISHED).exists():
        raise UserError(f"nothing is published in '{lake.folder()}': run `make build` (or `make demo`)")
    home = lake.folder().resolve() / "superset"
    home.mkdir(parents=True, exist_ok=True)
    os.environ |= {
        "SUPERSET_HOME": str(home),
        "SUPERSET_CONFIG_PATH": str(Path(__file__).with_name("superset_config.py")),
        "FLASK_APP": "superset",
        "PYTHONPATH": str(lake.PROJECT),
    }
    try:
        prepare(home, uri)
    except SupersetError as error:
        click.echo(f"error: {error}", err=True)
        return cli.EXIT_FAILED
    click.echo(f"http://127.0.0.1:{port}/dashboard/list/ - user admin, password in {home / 'password'}")
    arguments = ["run", "-h", "127.0.0.1", "-p", str(port), "--with-threads"]
    return os.execv(_SUPERSET, [str(_SUPERSET), *arguments])  # noqa: S606 - no shell


def _run(*arguments: str) -> None:
    done = subprocess.run([str(_SUPERSET), *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SupersetError(f"superset {arguments[0]} failed:\n{done.stdout[-2000:]}{done.stderr[-3000:]}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    return cli.run(command, arguments, "python -m dashboards.serve")


if __name__ == "__main__":
    sys.exit(main())
