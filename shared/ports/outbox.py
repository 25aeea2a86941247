"""Events that were stored together with what they tell of, and wait to be put on the bus."""

from typing import Protocol

from shared.ports.bus import Event


class Outbox(Protocol):
    """Reads stored events. Whoever commits a fact writes its event in the same transaction."""

    def get(self, partition: str, sort: str) -> Event | None:
        """The event under a key, or None when it has expired.

        Raises:
            Unavailable: the store cannot answer now.
        """
        ...
