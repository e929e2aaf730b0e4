"""Where lines go: every sink lands the same lines under the same partition prefix."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

TOO_LARGE = "larger than a record may be"
"""The one reason that no later attempt can mend."""


@dataclass(frozen=True, slots=True)
class Undelivered:
    """A line that no retry could deliver, and why in a few words. It belongs in a dead-letter file."""

    line: bytes
    reason: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of some lines: `confirmed` lines plus the dead ones are all that were handed over, each once.

    A line that the far side accepted without telling (a time-out after acceptance) may be confirmed by a retry, landed
    twice, and even be dead here: the warehouse recognises it by run_id and line_number.
    """

    confirmed: int
    dead: tuple[Undelivered, ...] = ()


class Sink(Protocol):
    """Something that lands lines of a dataset (`bars`, `daily_bars`, `corporate_actions`, `loader_runs`)."""

    def deliver(self, dataset: str, lines: Sequence[bytes], name: str, arrived_at: datetime) -> Delivery:
        """Hand the lines over, in order, and account for each. `name` names the object where the sink can name one.

        Raises UserError when the sink cannot be used at all and nothing was handed over.
        """
        ...
