"""Start Superset with the dashboards, on 127.0.0.1: run by Superset's own Python, `make dashboards`."""

import argparse
import os
import secrets
import subprocess
import sys
from pathlib import Path

from dashboards import superset
from tickerlake import lake

_SUPERSET = Path(sys.executable).parent / "superset"


def prepare(home: Path, uri: str) -> None:
    """Make Superset's own database where there is none, and import the dashboards for a database at `uri`."""
    if not (home / "ready").exists():
        print("setting up Superset (about two minutes, once)", flush=True)
        password = home / "password"
        password.touch(mode=0o600)
        password.write_text(secrets.token_urlsafe(12))
        _run("db", "upgrade")
        _run(
            "fab",
            "create-admin",
            "--username",
            "admin",
            "--firstname",
            "Local",
            "--lastname",
            "Reader",
            "--email",
            "admin@localhost",
            "--password",
            password.read_text(),
        )
        _run("init")
        (home / "ready").touch()
    _import({str(path): text for path, text in superset.render(uri, kind="assets").items()})


def _import(files: dict[str, str]) -> None:
    """Put what a folder under version control says in place of what Superset has, as `superset import-…` does not."""
    from flask import g
    from superset.app import create_app

    with create_app().app_context():
        from superset import security_manager
        from superset.commands.importers.v1.assets import ImportAssetsCommand

        g.user = security_manager.find_user("admin")
        ImportAssetsCommand(files).run()


def main() -> None:
    """Prepare, then become Superset until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m dashboards.serve", description="Superset with the dashboards.")
    parser.add_argument("--port", type=int, default=8088)
    parser.add_argument("--uri", default="duckdb:///:memory:", help="SQLAlchemy's address of the published views")
    options = parser.parse_args()
    if options.uri.startswith("duckdb") and not (lake.folder() / lake.PUBLISHED).exists():
        raise SystemExit("error: nothing is published: run `make build` (or `make demo`)")
    home = lake.folder().resolve() / "superset"
    home.mkdir(parents=True, exist_ok=True)
    os.environ |= {
        "SUPERSET_HOME": str(home),
        "SUPERSET_CONFIG_PATH": str(Path(__file__).with_name("superset_config.py")),
        "FLASK_APP": "superset",
        "PYTHONPATH": str(lake.PROJECT),
    }
    prepare(home, options.uri)
    print(f"http://127.0.0.1:{options.port}/dashboard/list/ - user admin, password in {home / 'password'}", flush=True)
    served = ["run", "-h", "127.0.0.1", "-p", str(options.port), "--with-threads"]
    os.execv(_SUPERSET, [str(_SUPERSET), *served])  # noqa: S606 - no shell


def _run(*arguments: str) -> None:
    done = subprocess.run([str(_SUPERSET), *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"superset {arguments[0]} failed:\n{done.stdout[-2000:]}{done.stderr[-3000:]}")


if __name__ == "__main__":
    main()
