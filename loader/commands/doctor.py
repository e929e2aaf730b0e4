"""`doctor`: print what works, what is missing, and how to fix it."""

import json
import os
from dataclasses import asdict

import click

from loader import doctor as diagnosis
from loader.commands.options import CommonOptions, common_options, examples


@click.command(
    short_help="print what works, what is missing, how to fix it",
    epilog=examples("doctor", "doctor --json"),
)
@common_options
def doctor(common: CommonOptions) -> int:
    """Print what works, what is missing, and how to fix it.

    Makes no request to a vendor. Exits with 1 when something is broken.
    """
    findings = list(diagnosis.examine(common.settings, os.environ))
    if common.is_json:
        print(json.dumps([asdict(finding) for finding in findings]))
    else:
        for finding in findings:
            print(f"{finding.state:8} {finding.what:22} {finding.detail}")
    return int(any(finding.state == "broken" for finding in findings))
