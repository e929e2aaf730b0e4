"""Output of runs that commands share."""

import json
import sys
from collections import Counter
from collections.abc import Mapping

from loader.commands.options import CommonOptions
from loader.fetching import QUOTA_USED_UP, FetchReport
from loader.rules import Acceptance
from loader.run import Run
from loader.sinks.folder import FolderSink


def print_run(
    run: Run,
    ledger: Mapping[str, object],
    common: CommonOptions,
    planted: Mapping[str, int] | None = None,
    acceptance: Acceptance | None = None,
) -> int:
    """Print a finished run. Returns 1 when some lines were not delivered, or the warehouse will accept none, else 0.

    `planted` counts the lines of a simulation by kind; `acceptance` counts what will come of the lines.
    """
    is_useless = bool(acceptance and acceptance.refused and not acceptance.accepted)
    if run.dead_lettered:
        print(
            f"{run.dead_lettered:,} lines were not delivered; to try again: python -m loader resend-dead-letters",
            file=sys.stderr,
        )
    if common.is_json:
        expected = {"expected": acceptance.counts()} if acceptance else {}
        print(json.dumps({**ledger, **({"planted": planted} if planted else {}), **expected}))
        return int(bool(run.dead_lettered) or is_useless)
    destination = f"{run.lake}/raw" if isinstance(run.sink, FolderSink) else common.settings.sink
    null_rows = f", {run.null_rows:,} rows without prices" if run.null_rows else ""
    expectation = f": {acceptance.sentence()}" if acceptance and run.sent else ""
    print(f"landed {ledger['confirmed']:,} lines in {destination} (run {run.run_id}){null_rows}{expectation}")
    if planted:
        print("  " + ", ".join(f"{name} {count:,}" for name, count in sorted(planted.items())))
    return int(bool(run.dead_lettered) or is_useless)


def print_closed(common: CommonOptions) -> None:
    """Print that no request was made because every exchange was closed."""
    print(json.dumps({"skipped": "closed"}) if common.is_json else "closed: no exchange of these symbols was open")


def print_unfetched(report: FetchReport) -> None:
    """Print the symbols that were not fetched because the quota was used up; other failures are in the log."""
    for symbol, _, reason in report.missed:
        if reason == QUOTA_USED_UP:
            print(f"{symbol}: not fetched: {reason}", file=sys.stderr)


def count_reasons(reasons: list[str]) -> list[tuple[str, int]]:
    """Count equal reasons, in the order of their first occurrence."""
    return list(Counter(reasons).items())
