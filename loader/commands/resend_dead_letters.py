"""`resend-dead-letters`: deliver again the lines that were not delivered before."""

import json
import os
import sys
from datetime import UTC, datetime

import click

from loader.commands.options import LEASE_SECONDS, CommonOptions, common_options, examples
from loader.commands.output import count_reasons
from loader.lease import lease
from loader.sinks import dead_letters, factory
from loader.store import store_from_environment


@click.command(
    "resend-dead-letters",
    short_help="land lines that were not delivered before",
    epilog=examples("resend-dead-letters", "resend-dead-letters --sink firehose --json"),
)
@common_options
def resend_dead_letters(common: CommonOptions) -> int:
    """Land lines that were not delivered before.

    Confirmed lines are removed from dead_letters/, the others remain. A line that lands twice counts as a duplicate.
    """
    store = store_from_environment(common.settings.lake)
    with lease(store, "dead-letters", str(os.getpid()), LEASE_SECONDS):
        sink = factory.sink_from_settings(common.settings)
        confirmed, undelivered = dead_letters.resend(store, sink, datetime.now(UTC))
    if common.is_json:
        print(json.dumps({"confirmed": confirmed, "dead_lettered": len(undelivered)}))
    else:
        print(f"landed {confirmed:,} dead letters, {len(undelivered):,} left")
    for reason, count in count_reasons([item.reason for item in undelivered]):
        print(f"{count:,} lines not delivered: {reason}", file=sys.stderr)
    return int(bool(undelivered))
