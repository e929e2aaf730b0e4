"""Sinks: each one lands the same lines under the same partition prefix."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

TOO_LARGE = "larger than a record may be"
"""The one reason that no retry can resolve."""


@dataclass(frozen=True, slots=True)
class UndeliveredLine:
    """A line that no retry could deliver, and the reason in a few words. It belongs in a dead-letter file."""

    line: bytes
    reason: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """The result of a delivery: `confirmed` counts lines; with the undelivered ones they are all lines, each once.

    A line that the destination accepted without a response (a time-out after acceptance) may be confirmed by a retry,
    land twice, and even be undelivered here: the warehouse removes the copy by run_id and line_number.
    """

    confirmed: int
    undelivered: tuple[UndeliveredLine, ...] = ()


class Sink(Protocol):
    """A destination for lines of a dataset (`bars`, `daily_bars`, `corporate_actions`, `loader_runs`)."""

    def deliver(self, dataset: str, lines: Sequence[bytes], name: str, arrived_at: datetime) -> Delivery:
        """Deliver the lines in order and account for each. `name` names the object where the sink can name one.

        Raises UserError when the sink is unusable and no line was delivered.
        """
        ...
