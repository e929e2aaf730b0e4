"""List and delete the addresses that alerts are sent to: `python -m serving.alerts --help`.

Addresses are personal data. Only SNS stores them: no table, line or log of this project does.
"""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import boto3
import click

from tickerlake.cli import EXIT_CODES, EXIT_DONE, EXIT_FAILED, Group, run
from tickerlake.errors import UserError

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient


def list_subscriptions(sns: "SNSClient", topic: str) -> list[tuple[str, str, str]]:
    """Return (address, protocol, subscription) of a topic's subscriptions, sorted by address."""
    pages = sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
    subscriptions = [subscription for page in pages for subscription in page["Subscriptions"]]
    return sorted((item["Endpoint"], item["Protocol"], item["SubscriptionArn"]) for item in subscriptions)


def delete_subscriptions(sns: "SNSClient", topic: str, address: str) -> tuple[int, int]:
    """Delete every subscription of an address; return how many were deleted, and how many are unconfirmed.

    Nobody can delete an unconfirmed one: SNS does so itself unless it is confirmed in time.
    """
    subscriptions = list_subscriptions(sns, topic)
    arns = [arn for endpoint, _, arn in subscriptions if endpoint.lower() == address.lower()]
    confirmed = [arn for arn in arns if _is_confirmed(arn)]
    for arn in confirmed:
        sns.unsubscribe(SubscriptionArn=arn)
    return len(confirmed), len(arns) - len(confirmed)


def _is_confirmed(arn: str) -> bool:
    return arn.startswith("arn:")  # otherwise SNS returns "PendingConfirmation"


@click.group(cls=Group, epilog=EXIT_CODES)
@click.option("--topic", envvar="TICKERLAKE_ALERTS_TOPIC", help="ARN of the topic (default: TICKERLAKE_ALERTS_TOPIC).")
@click.pass_context
def cli(context: click.Context, topic: str | None) -> None:
    """List and delete the addresses that alerts are sent to."""
    context.obj = topic


@cli.command("list")
@click.pass_obj
def list_addresses(topic: str | None) -> None:
    """Print every address."""
    for address, protocol, arn in list_subscriptions(boto3.client("sns"), _require(topic)):
        click.echo(f"{protocol}\t{address}\t{'confirmed' if _is_confirmed(arn) else 'waiting'}")


@cli.command("delete")
@click.argument("address")
@click.pass_obj
def delete_address(topic: str | None, address: str) -> int:
    """Delete an address."""
    deleted, unconfirmed = delete_subscriptions(boto3.client("sns"), _require(topic), address)
    remainder = f"; {unconfirmed} wait for a confirmation and expire" if unconfirmed else ""
    click.echo(f"deleted {deleted} subscriptions{remainder}")
    return EXIT_DONE if deleted and not unconfirmed else EXIT_FAILED


def _require(topic: str | None) -> str:
    if not topic:
        raise UserError("no topic: set TICKERLAKE_ALERTS_TOPIC or pass --topic")
    return topic


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    return run(cli, arguments, "python -m serving.alerts")


if __name__ == "__main__":
    sys.exit(main())
