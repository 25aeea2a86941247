"""A queue of small messages: what could not be done now, or is to be done elsewhere."""

from collections.abc import Mapping, Sequence
from typing import Protocol


class Queue(Protocol):
    """Takes messages that name things by key; it never carries a copy of them."""

    def send(self, messages: Sequence[Mapping[str, object]]) -> None:
        """Put every message.

        Raises:
            Unavailable: not all of them were taken; sending all again is safe.
        """
        ...


class MeasuredQueue(Queue, Protocol):
    """A queue that can also tell how much is in it."""

    def waiting(self) -> int:
        """How many messages wait or are being worked on, as far as is known at once.

        Raises:
            Unavailable: the queue does not answer.
        """
        ...


class DelayingQueue(Queue, Protocol):
    """A queue that can also keep messages back for a while."""

    def send_later(self, messages: Sequence[Mapping[str, object]], seconds: int) -> None:
        """Put every message, to be delivered no earlier than in so many seconds, at most 900.

        Raises:
            Unavailable: not all of them were taken; sending all again is safe.
        """
        ...
