"""Command line of the deployment: `python -m infra --help`; `make deploy ENV=dev` and its like call it."""

import argparse
import os
import subprocess
import sys

from botocore.exceptions import BotoCoreError, ClientError

from infra.deployment import Deployment
from tickerlake.errors import UserError


def main(arguments: list[str] | None = None) -> int:
    """Run one command. Returns 0 when all is well, 1 when a check or run failed, 2 when nothing could be done."""
    options, rest = _parser().parse_known_args(arguments)
    deployment = Deployment(options.env)
    try:
        if options.command == "deploy":
            deployment.deploy(_pairs(rest))
        elif options.command == "verify":
            return 0 if deployment.verify() else 1
        elif options.command == "run":
            return 0 if deployment.run(rest[0] if rest else "intraday") else 1
        elif options.command == "loader":
            environment = os.environ | deployment.loader_environment()
            return subprocess.run([sys.executable, "-m", "loader", *rest], env=environment, check=False).returncode
        else:
            is_sure = os.environ.get("SURE") == deployment.stack
            deployment.remove(deletes_data=os.environ.get("DATA") == "delete", is_rehearsal=not is_sure)
            if not is_sure:
                print(f"a rehearsal: nothing was removed; to do it, add SURE={deployment.stack}")
    except (UserError, ClientError, BotoCoreError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _pairs(texts: list[str]) -> dict[str, str]:
    wrong = [text for text in texts if "=" not in text]
    if wrong:
        raise UserError(f"parameters are written Name=value, not {wrong[0]}")
    return dict(text.split("=", 1) for text in texts)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m infra",
        description="Deploy, verify, run and remove a deployment.",
        epilog="After ENV: `deploy` takes Name=value for the template's parameters, `run` a selector, `loader` its own "
        "arguments. `destroy` reads DATA=delete (the buckets and tables, too) and SURE=<stack> from the environment.",
    )
    parser.add_argument("command", choices=["deploy", "verify", "run", "loader", "destroy"])
    parser.add_argument("env", metavar="ENV", help="name of the environment, such as dev")
    return parser


if __name__ == "__main__":
    sys.exit(main())
