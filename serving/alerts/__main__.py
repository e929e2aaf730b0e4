"""List and delete the addresses that alerts are sent to: `python -m serving.alerts --help`.

Addresses are personal data, and SNS is the only place that holds them: no table, line or log of the project does.
"""

import argparse
import os
import sys
from typing import Any


def subscribers(sns: Any, topic: str) -> list[tuple[str, str, str]]:
    """List (address, protocol, subscription) of a topic, by address."""
    pages = sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
    found = [item for page in pages for item in page["Subscriptions"]]
    return sorted((item["Endpoint"], item["Protocol"], item["SubscriptionArn"]) for item in found)


def delete(sns: Any, topic: str, address: str) -> tuple[int, int]:
    """Delete every subscription of an address: how many went, and how many wait for a confirmation.

    SNS deletes the waiting ones itself, unless they are confirmed, and lets nobody else do it.
    """
    own = [arn for held, _, arn in subscribers(sns, topic) if held.lower() == address.lower()]
    confirmed = [arn for arn in own if arn.startswith("arn:")]
    for arn in confirmed:
        sns.unsubscribe(SubscriptionArn=arn)
    return len(confirmed), len(own) - len(confirmed)


def main(arguments: list[str] | None = None) -> int:
    """Run one command. Returns 0 when done, 1 when an address is still there or never was."""
    parser = argparse.ArgumentParser(prog="python -m serving.alerts", description="Who alerts are sent to.")
    parser.add_argument("--topic", default=os.environ.get("TICKERLAKE_ALERTS_TOPIC"), help="ARN of the topic")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("list", help="print every address")
    commands.add_parser("delete", help="delete an address").add_argument("address")
    options = parser.parse_args(arguments)
    if not options.topic:
        print("error: no topic: set TICKERLAKE_ALERTS_TOPIC or --topic", file=sys.stderr)
        return 2
    import boto3

    sns = boto3.client("sns")
    if options.command == "list":
        for address, protocol, arn in subscribers(sns, options.topic):
            print(f"{protocol}\t{address}\t{'confirmed' if arn.startswith('arn:') else 'waiting'}")
        return 0
    deleted, waiting = delete(sns, options.topic, options.address)
    print(f"deleted {deleted} subscriptions" + (f"; {waiting} wait for a confirmation and expire" if waiting else ""))
    return 0 if deleted and not waiting else 1


if __name__ == "__main__":
    sys.exit(main())
