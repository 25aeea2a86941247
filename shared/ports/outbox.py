"""Events that were stored together with what they tell of, and wait to be put on the bus."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from shared.ports.bus import Event


@dataclass(frozen=True, slots=True)
class OutboxKey:
    """Where the store keeps a waiting event."""

    pk: str
    sk: str


class Outbox(Protocol):
    """Reads stored events. Whoever commits a fact writes its event in the same transaction."""

    def get(self, key: OutboxKey) -> Event | None:
        """The event under a key, or None when it was never stored or has expired.

        Raises:
            Unavailable: the store cannot answer now.
            ValueError: what is stored there is no event.
        """
        ...
