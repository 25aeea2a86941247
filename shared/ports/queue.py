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
